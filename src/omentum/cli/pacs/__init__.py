"""The command of a storage service: `omentum listen`."""
