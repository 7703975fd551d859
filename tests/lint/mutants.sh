#!/bin/bash
# mutants.sh: each mutant of tests/mutants still finds its lines.
exec scripts/mutants --check
