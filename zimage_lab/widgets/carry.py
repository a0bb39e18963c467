"""What a person has typed, carried into the panel that is made anew: a page that is loaded again loses no words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zimage_lab.widgets.create import Create


def carry(old: Create, new: Create) -> None:
    """Give a new tab the old one's model, prompts, numbers and seed.

    Parameters
    ----------
    old, new
        Two tabs of one process; the old one stays as it is.
    """
    before, form = old.form, new.form
    if before.model is not None and new.choice is not None and before.model != form.model:
        new.choice.choose(before.model.id)
    form.prompt.value = before.prompt.value
    form.negative.value = before.negative.value
    for name, field in form.fields.items():
        field.value = before.fields[name].value
    form.seed.field.value = before.seed.field.value
    form.seed.lock.value = before.seed.lock.value  # after the seed: one that is written closes the lock
    form.seed.pictures.value = before.seed.pictures.value
    if before.seed.spent:
        form.seed.used()
