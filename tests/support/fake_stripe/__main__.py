"""`python -m tests.support.fake_stripe PORT NOW`: serves until it is ended; prints its port when it is ready."""

import sys

from tests.support.fake_stripe.server import serve

if __name__ == "__main__":
    serve(port=int(sys.argv[1]), now=int(sys.argv[2]))
