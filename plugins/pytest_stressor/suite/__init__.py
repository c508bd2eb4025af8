"""`pytest --stressor`: a suite's tests in several threads at once, with pauses injected.

`options` reads what is asked for, `fitness` says which tests may run so, `runner` carries them out,
`hooks` puts that in the place of the tests' bodies, and `summary` tells what came of it.
"""
