"""The form: what a person sets, turned into a request by the one validator, and its sentences put where they belong.

The form knows no limits of its own. It takes its defaults from the model's card, hands every value to
`GenerationRequest` and `models.check`, and shows what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import InvalidRequest, ModelLoadError
from zimage_lab.prompts import Written
from zimage_lab.request import SEED_RANGE, GenerationRequest
from zimage_lab.widgets.beginning import Beginning
from zimage_lab.widgets.fields import Fold, Row, classed, text, toggle_class
from zimage_lab.widgets.picture_field import ReferenceField
from zimage_lab.widgets.plain import HTML, FloatText, IntText, Textarea, VBox
from zimage_lab.widgets.prompt import PromptField
from zimage_lab.widgets.seed import SeedField
from zimage_lab.widgets.sentences import beside
from zimage_lab.widgets.size import SizeField
from zimage_lab.widgets.writing import Writing

if TYPE_CHECKING:
    from zimage_lab.models import Model
    from zimage_lab.picture_recipe import PictureRecipe
    from zimage_lab.widgets.words import Words

FOLLOWING = ("width", "height", "steps", "guidance_scale", "shift")
"""Fields that follow the model's defaults until somebody changes them."""


MOST = 1000
"""Most pictures that one click queues."""


class Form:
    """The left column: prompt, negative prompt, size, seed and the advanced fields.

    Parameters
    ----------
    words
        The panel's texts.

    Attributes
    ----------
    number
        How many pictures the form stands for.
    changed
        Called after each change.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._writing = False
        self.model: Model | None = None
        self.by_hand: set[str] = set()
        self.number = 1
        self.prompt = PromptField(words, self._changed)
        self.writing = Writing(words, self._changed, self._take_prompt)
        self.writing.prompt = lambda: self.prompt.value
        self.reference = ReferenceField(words, self._changed)
        self.beginning = Beginning(words, self._changed, self.take_size)
        self.negative = Textarea(description=words("negative_prompt"), placeholder=words("negative_hint"), rows=2)
        self.negative_row = Row({"negative_prompt": self.negative})
        self.negative_why = HTML()
        self.negative_fold = Fold(words("negative_prompt"), [self.negative_why, self.negative_row.widget])
        self.size = SizeField(words)
        self.seed = SeedField(words)
        numbers = {
            "steps": IntText(description=words("steps"), tooltip=words("steps_tip")),
            "guidance_scale": FloatText(description=words("guidance_scale"), step=0.5, tooltip=words("guidance_tip")),
            "shift": FloatText(description=words("shift"), step=0.5, tooltip=words("shift_tip")),
            "variation": FloatText(description=words("variation"), step=0.1, tooltip=words("variation_tip")),
        }
        self.numbers = Row(numbers)
        self.advanced = Fold(words("advanced"), [self.numbers.widget])
        self.fields: dict[str, Any] = {"width": self.size.width, "height": self.size.height, **numbers}
        self._tips = {name: field.tooltip for name, field in self.fields.items()}
        self.rows = {
            "prompt": self.prompt.row,
            "negative_prompt": self.negative_row,
            "reference_images": self.reference.row,
            **self.beginning.rows,
            **dict.fromkeys(("seed", "pictures"), self.seed.row),
            **dict.fromkeys(("width", "height"), self.size.row),
            **dict.fromkeys(numbers, self.numbers),
        }
        what = [self.reference.widget, self.prompt.widget, self.writing.widget, self.negative_fold.widget]
        what.append(self.beginning.widget)
        self.what = classed(VBox(what), "zl-what")
        self.settings = Fold(words("settings"), [self.size.widget, self.seed.widget, self.advanced.widget])
        classed(self.settings.widget, "zl-settings")
        self.settings.fill()  # a wide panel shows it, open or shut
        for name, field in self.fields.items():
            field.observe(lambda change, name=name: self._hand(name, change), "value")
        self.negative.observe(lambda _: self._changed(), "value")
        for field in (self.seed.field, self.seed.pictures):
            field.observe(lambda _: self._changed(), "value")

    def use(self, model: Model) -> None:
        """Take a model's defaults for whatever was not changed by hand."""
        self.model = model
        self._writing = True
        for name in FOLLOWING:
            if name not in self.by_hand:
                self.fields[name].value = getattr(model.card.defaults, name)
        self._writing = False
        self.size.use(model, self.take_size)
        self.prompt.use(model)
        self.reference.use(model)
        self.beginning.use(model)
        self._changed()

    def fill(self, request: GenerationRequest) -> None:
        """Set everything but the model as a request has it; what differs from the defaults counts as set by hand."""
        self.prompt.value = request.prompt
        self.negative.value = request.negative_prompt
        self.seed.take(request.seed)
        self.reference.fill(request.reference_images)
        self.beginning.fill(request)
        self.fields["variation"].value = request.variation
        for name in FOLLOWING:
            value = getattr(request, name)
            if value is None and self.model is not None:  # a shift that nobody chose
                value = getattr(self.model.card.defaults, name)
            self.fields[name].value = value

    def take(self, recipe: PictureRecipe) -> None:
        """Set what another program's recipe says; all else stays."""
        found = recipe.values
        self.prompt.value = found["prompt"]
        self.negative.value = found.get("negative_prompt", "")
        if "seed" in found:
            self.seed.take(found["seed"])
        guidance = recipe.guidance_scale(self.model.card.family if self.model is not None else "z_image")
        for name, value in {**found, "guidance_scale": guidance}.items():
            if name in self.fields and value is not None:
                self.fields[name].value = value

    def take_size(self, size: tuple[int, int]) -> None:
        """Set the size that a preset names."""
        self.size.width.value, self.size.height.value = size

    def requests(self) -> list[GenerationRequest]:
        """Make the requests of the form as it stands: each prompt that the text stands for, as often as asked.

        Raises
        ------
        InvalidRequest
            By the field's name; `complain` shows it.
        """
        first, pictures = self.seed.next(), self._pictures()
        written = self._written()
        number = len(written) * pictures
        if number > MOST:
            field, what = "pictures", self._words("too_many_pictures", number=number, most=MOST)
            raise InvalidRequest(field, number, what, "")
        made = [self._build(one, _after(first, more)) for one in written for more in range(pictures)]
        for request in made:
            models.check(request, self.model, place=self.writing.place())
        return made

    def first(self) -> GenerationRequest:
        """Make the request of the form as it stands, of the first prompt that its text stands for; no seed is used up.

        Raises
        ------
        InvalidRequest
            Something of it cannot be.
        """
        request = self._build(next(iter(self._written()), Written("", "")), self.seed.value)
        models.check(request, self.model, place=self.writing.place())
        return request

    def complain(self, error: InvalidRequest) -> bool:
        """Put an error beside its field; tell whether the form has that field."""
        row = self.rows.get(error.field)
        if row is None:
            return False
        row.complain(error.field, self._beside(error))
        folds = {
            "negative_prompt": [self.negative_fold],
            **{name: [self.settings] for name in ("width", "height", "seed", "pictures")},
            **{name: [self.settings, self.advanced] for name in self.numbers.controls},
        }
        for fold in folds.get(error.field, []):
            fold.open(opened=True)  # a sentence that nobody sees helps nobody
        return True

    def _written(self) -> list[Written]:
        negative = str(self.negative.value) if self.fields["guidance_scale"].value != 0 else ""
        return self.writing.written(self.prompt.value, negative)

    def _pictures(self) -> int:
        """Give the number of pictures of each prompt."""
        number = self.seed.pictures.value
        if not 1 <= number <= MOST:
            field, what = "pictures", self._words("pictures_wrong", most=MOST)
            raise InvalidRequest(field, number, what, "")
        return int(number)

    def _take_prompt(self, prompt: str) -> None:
        self.prompt.value = prompt

    def _build(self, written: Written, seed: int | str) -> GenerationRequest:
        if self.model is None:
            field = "model"
            raise InvalidRequest(field, None, "is missing", "Choose a model.")
        values: dict[str, Any] = {name: widget.value for name, widget in self.fields.items()}
        if values["shift"] == self.model.card.defaults.shift:
            values["shift"] = None
        values |= written._asdict()
        values |= self.beginning.values()
        values["reference_images"] = self.reference.value
        return GenerationRequest(**values, model=self.model.id, seed=seed)  # type: ignore[arg-type]

    def _changed(self) -> None:
        """Judge all fields; an empty prompt, or no picture to change, is no mistake before somebody asks for one."""
        if self._writing or self.model is None:
            return
        self._explain_negative()
        for name, row in self.rows.items():
            if name not in {"reference_images", "init_image"} and (name != "prompt" or self.prompt.value.strip()):
                row.complain(name)
        drawn = self._judge_writing()
        try:
            self.number = len(drawn) * self._pictures()
            request = self._build(drawn[0]._replace(prompt="-") if drawn else Written("-", ""), self.seed.value)
            models.check(request, self.model)
        except InvalidRequest as error:
            if error.field != "reference_images":  # no picture yet is no mistake either
                self.complain(error)
        except ModelLoadError:
            return  # the engine says what is wrong with the model when it is asked to draw

    def _judge_writing(self) -> list[Written]:
        """Judge the prompt, or the first one that the text stands for; gives all of them."""
        try:
            drawn = self._written()
        except InvalidRequest as error:
            self.prompt.judge(self.prompt.value)
            self.writing.complain(self._beside(error) if self.prompt.value.strip() else "")
            return []
        self.prompt.judge(drawn[0].prompt if drawn else "")
        self.writing.show(drawn)
        return drawn

    def _beside(self, error: InvalidRequest) -> str:
        label = self._words(error.field) if error.field in self.rows else self._words("prompt")
        return beside(error, label, self._words)

    def _hand(self, name: str, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if self.model is not None and not self._writing and name in FOLLOWING:
            differs = change["new"] != getattr(self.model.card.defaults, name)
            (self.by_hand.add if differs else self.by_hand.discard)(name)
        toggle_class(self.fields[name], "zl-hand", on=name in self.by_hand)
        self.fields[name].tooltip = self._words("by_hand") if name in self.by_hand else self._tips[name]
        self._changed()

    def _explain_negative(self) -> None:
        if self.model is None:
            return
        guided, title = self.model.card.guided, self.model.card.title
        off = self.fields["guidance_scale"].value == 0
        suffix = "_guided" if guided else ""
        self.negative.disabled = off
        self.negative_fold.say(self._words(f"negative_off{suffix}", title=title) if off else "")
        self.negative_why.value = text(self._words(f"negative_why{suffix}", title=title)) if off else ""


def _after(seed: int | str, number: int) -> int | str:
    """Give a later seed; what is no number is given as it is, for the validator to refuse."""
    return seed if isinstance(seed, str) or not number else (seed + number) % (SEED_RANGE[1] + 1)
