"""`python -m audit` is `registry-audit`, where no script can be started."""

from audit.cli import main

if __name__ == "__main__":
    main()
