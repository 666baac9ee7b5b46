"""What survives a restart: uploads and jobs in SQLite and in files, and their deletion."""
