"""Settings of runs that take seconds, in place of those of the pages."""

TINY = """
steps = 2
warmup_steps = 1
patch = [32, 32, 32]
spacing_mm = [10.0, 10.0, 10.0]
workers = 0
save_every = 2
validate_every = 2
bf16 = false
"""
TINY_NETWORK = "widths = [8, 16, 16]\nstem = 8\nblocks = 1\ndecoded_channels = 4\n"
SMALL = "--set spacing_mm=[10,10,10] --set patch=[32,32,32] --set workers=0"
SMALL_NETWORK = "--set 'parameters={widths=[8, 16, 16], stem=8, blocks=1, decoded_channels=4}'"
SMALL_RUN = (
    '{"steps": 2, "validate_every": 2, "save_every": 2, "warmup_steps": 1, "workers": 0, "patch": [32, 32, 32], '
    '"spacing_mm": [10.0, 10.0, 10.0], "bf16": False, '
    '"parameters": {"widths": [8, 16, 16], "stem": 8, "blocks": 1, "decoded_channels": 4}}'
)
