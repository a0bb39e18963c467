"""Has a text encoder write: Qwen3's head is tied to its embeddings, so the encoder in memory is a whole language model.

Nothing is loaded for it: the head's weights are the embeddings' own, the layers are those that read prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import Cancelled, InvalidRequest
from zimage_lab.models import tokens
from zimage_lab.models.text_head import can_write

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from zimage_lab.engine.families import Family

SYSTEM = (
    "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
"""Qwen3's chat template with thinking turned off."""

END = "<|im_end|>"

TEMPERATURE, TOP_P, TOP_K = 0.7, 0.8, 20
"""What Qwen3's model card advises without thinking."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be written.

    Parameters
    ----------
    instruction, text
        What the model shall do, and with which words of a person's.
    most
        Most tokens of the answer.
    seed
        Of the draws; the same seed gives the same answer on the same kind of device.
    stopped
        Asked after each token; where it says True, nothing more is written.
    told
        Called after each token with what stands there so far.
    """

    instruction: str
    text: str
    most: int
    seed: int
    stopped: Callable[[], bool]
    told: Callable[[str], None]


def write(family: Family, task: Task) -> tuple[str, bool]:
    """Write an answer; gives it with whether it came to its end.

    Parameters
    ----------
    family
        A loaded model for which `can_write` holds.
    task
        What is to be written.

    Raises
    ------
    InvalidRequest
        The text encoder is no language model, or the text is too long for it.
    Cancelled
        It was stopped.
    """
    import torch
    from transformers import GenerationConfig, LogitsProcessorList
    from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    if not can_write(family.model):
        field, fix = "model", "Choose a model with the whole Qwen3 encoder, such as z-image-turbo."
        raise InvalidRequest(field, family.model.id, "has a text encoder that cannot write", fix)
    tokenizer = tokens.tokenizer(family.model)
    ids = tokenizer.encode(SYSTEM.format(task.instruction, task.text)).ids
    encoder = family.modules["text_encoder"]
    room = encoder.config.max_position_embeddings - task.most
    if len(ids) > room:
        field, what = "prompt", f"{len(ids)} tokens are more than the {room} that can be read here"
        raise InvalidRequest(field, task.text, what, "Shorten it.")

    def ended(written: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        task.told(tokenizer.decode(written[0, len(ids) :].tolist()))
        return torch.full((len(written),), task.stopped(), device=written.device)

    end = tokenizer.token_to_id(END)
    warpers = [TemperatureLogitsWarper(TEMPERATURE), TopKLogitsWarper(TOP_K), TopPLogitsWarper(TOP_P)]
    config = GenerationConfig(max_new_tokens=task.most, do_sample=False, eos_token_id=end, pad_token_id=end)
    given = torch.tensor([ids], device=family.device)
    with torch.inference_mode():
        answer = (
            _whole(encoder)
            .generate(
                given,
                attention_mask=torch.ones_like(given),
                generation_config=config,
                logits_processor=LogitsProcessorList([*warpers, _drawn(task.seed)]),
                stopping_criteria=[ended],
            )[0, len(ids) :]
            .tolist()
        )
    if task.stopped():
        message = "The writing was stopped."
        raise Cancelled(message)
    finished = bool(answer) and answer[-1] == end
    return tokenizer.decode(answer), finished


def _whole(encoder: Any) -> Any:  # noqa: ANN401 - modules
    """Put a head on the encoder, with the weights that are there."""
    import torch
    from transformers import Qwen3ForCausalLM

    with torch.device("meta"):  # nothing of its own is ever stored
        whole = Qwen3ForCausalLM(encoder.config)
    whole.model = encoder
    whole.lm_head.weight = encoder.embed_tokens.weight
    return whole.eval()


def _drawn(seed: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Make the choice of the likeliest token a draw: with Gumbel noise added, the largest is one (Gumbel 1954).

    transformers draws from torch's global generator, which is the notebook's and not ours to set.
    """
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)

    def draw(_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = -torch.log(torch.empty(scores.shape).exponential_(generator=generator))
        return scores.float() + noise.to(scores.device)

    return draw
