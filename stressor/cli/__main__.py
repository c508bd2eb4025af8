"""`python -m stressor.cli`: the command line where its script is not on PATH."""

from stressor.cli import main

if __name__ == "__main__":
    main()
