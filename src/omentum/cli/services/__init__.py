"""Commands for programs, browsers and language models: `omentum serve`, `omentum mcp`."""
