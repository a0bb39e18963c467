"""Names for pictures, filled from a table that anybody may have written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.prompts import templates
from zimage_lab.store.file_names import FORBIDDEN, SUFFIX, FreeNames, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELD = "name"


class FileNames(FreeNames):
    """Gives each picture a name that no other has, by a template.

    Parameters
    ----------
    template
        As `templates.expand` takes it: "{sku}_{seed}". Separators stand in no name: pictures lie in one folder.
    taken
        Names that are in use already.

    Raises
    ------
    InvalidRequest
        When the template cannot be read or holds a separator.
    """

    def __init__(self, template: str, taken: Iterable[str] = ()) -> None:
        for part in templates.parts(template, field=FIELD):
            if not part.is_name and FORBIDDEN.search(part.text):
                what = f"{shown(part.text)} cannot stand in a file's name"
                raise InvalidRequest(FIELD, template, what, 'Leave out / \\ : * ? " < > and |.')
        super().__init__(taken)
        self._template = template.removesuffix(SUFFIX)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of variables that the template looks up."""
        return templates.names(self._template, field=FIELD)

    def give(self, variables: Mapping[str, object]) -> str:
        """Fill the template and take the name; one that is taken gets `_2`, `_3` and so on.

        Raises
        ------
        InvalidRequest
            When the template asks for what is not there.
        """
        return self.next_free(self.stem(variables))

    def stem(self, variables: Mapping[str, object]) -> str:
        """Fill the template without taking the name."""
        return safe(templates.expand(self._template, variables, field=FIELD))
