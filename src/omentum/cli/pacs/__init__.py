"""The command of a storage service, `omentum listen`, and addresses of servers in other commands."""
