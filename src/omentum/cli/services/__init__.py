"""Commands for programs and browsers: `omentum serve`."""
