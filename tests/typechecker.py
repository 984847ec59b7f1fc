"""The type checker that runs over the package while it is tested."""

from beartype import BeartypeConf, beartype

# A whole number is welcome where a float is asked for, as everywhere in Python.
typechecked = beartype(conf=BeartypeConf(is_pep484_tower=True))
