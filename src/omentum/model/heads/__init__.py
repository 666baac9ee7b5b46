"""What turns a backbone's features into one map per class: the text-driven head, and a plain one."""
