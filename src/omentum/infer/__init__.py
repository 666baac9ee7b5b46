"""Any network over any volume: windows, blending in bounded memory, packed masks."""
