"""Train models: `python train.py --help`."""

from segcore.training.command_line import main

if __name__ == "__main__":
    raise SystemExit(main())
