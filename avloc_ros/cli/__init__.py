"""The command `avloc`: one file per sub-command, each with `register(subparsers)`."""
