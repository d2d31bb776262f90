"""Whether a third party's subclass has changed a step."""


def overrides(obj: object, base: type, *names: str) -> bool:
    """Say whether the class of ``obj`` brings its own version of one of these methods."""
    return any(getattr(type(obj), name) is not getattr(base, name) for name in names)


def overridden_since(obj: object, name: str, *others: str) -> bool:
    """Say whether one of ``others`` comes from a subclass of the class that brings ``name``.

    What ``name`` does then is no longer what ``others`` do, so it must not be used in their place.
    """
    mro = type(obj).__mro__

    def depth(method: str) -> int:
        return next(i for i, cls in enumerate(mro) if method in vars(cls))

    return any(depth(other) < depth(name) for other in others)
