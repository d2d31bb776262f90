from rastervision.core.utils.overrides import overridden_since, overrides


class Base:
    def whole(self): ...

    def other(self): ...


class WithParts(Base):
    def whole(self): ...

    def part(self): ...


class NewWhole(WithParts):
    def whole(self): ...


class NewBoth(NewWhole):
    def whole(self): ...

    def part(self): ...


def test_own_versions_are_found():
    assert not overrides(Base(), Base, 'whole', 'other')
    assert overrides(WithParts(), Base, 'whole', 'other')
    assert not overrides(NewBoth(), Base, 'other')


def test_a_whole_that_is_newer_than_its_parts_is_found():
    assert not overridden_since(WithParts(), 'part', 'whole', 'other')
    assert overridden_since(NewWhole(), 'part', 'other', 'whole')
    assert not overridden_since(NewBoth(), 'part', 'whole')
