#!/bin/bash
# conformance: every requirement is listed with a test that exists, and the page is up to date.
exec python3 tests/conformance/generate.py --check
