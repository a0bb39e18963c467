"""A batched forward pass of the edit model through diffusers' own modules, as `forward` is of the others'.

The sequence is that of `ZImageTransformer2DModel` in omni mode: an instruction's parts around its picture, the clean
latents of this picture, the noisy ones, and SigLIP's features. A batch has instructions of one padded length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.miniature.training.forward import Captions, patched, run_block, run_layers, text_features, unpatched
from zimage_lab.models.tokens import EDIT_END, EDIT_HEAD, EDIT_TAIL

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from diffusers import ZImageTransformer2DModel
    from transformers import Qwen2Tokenizer

CLEAN, NOISY = 0, 1
"""Marks of tokens, as diffusers counts them."""


class Places(NamedTuple):
    """Where the tokens of a sequence stand, and which of them belong to the noisy picture.

    Attributes
    ----------
    text, pictures, seen
        Cosine and sine of the positions of the instruction, both pictures and SigLIP's features:
        (batch, tokens, 1, head dim / 2, 2).
    which
        `CLEAN` or `NOISY` for each token of the pictures, and for each of the whole sequence.
    """

    text: torch.Tensor
    pictures: torch.Tensor
    seen: torch.Tensor
    which: tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Edits:
    """A batch of instructions with the pictures that they are about, as `ZImageOmniPipeline` gives them.

    Attributes
    ----------
    around
        Token ids of the parts before and after picture and instruction, two rows.
    said
        Those of the instructions, with what joins them to the picture.
    latents
        Normalised latents of the pictures, (batch, 16, height, width).
    patches
        SigLIP's patches of them in -1..1, (batch, patches, numbers).
    """

    around: Captions
    said: Captions
    latents: torch.Tensor
    patches: torch.Tensor

    @classmethod
    def of(
        cls, tokenizer: Qwen2Tokenizer, texts: list[str], latents: torch.Tensor, patches: torch.Tensor, device: str
    ) -> Edits:
        """Tokenize instructions; the patches come as bytes."""
        around = Captions.padded(tokenizer, [EDIT_HEAD, EDIT_END], device)
        said = Captions.padded(tokenizer, [EDIT_TAIL.format(text) for text in texts], device)
        return cls(around, said, latents.to(device), patches.to(device).float() / 127.5 - 1)

    def seen_by(
        self,
        module: Any,  # noqa: ANN401 - a ModuleDict, whose parts have types only at run time
    ) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Give the velocity (batch, 16, height, width) of noisy latents at shares of noise (batch,).

        Parameters
        ----------
        module
            Transformer, text encoder and SigLIP, as `edit.network` gives them.
        """
        inputs = self.inputs(module)

        def predict(noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return velocity_and_tokens(module, noisy, sigma, *inputs)[0].float()

        return predict

    def inputs(self, module: Any) -> tuple[Captions, Captions, torch.Tensor, torch.Tensor, Places]:  # noqa: ANN401 - as above
        """Give what `velocity_and_tokens` takes of them."""
        return self.around, self.said, self.latents, self.patches, places(module["transformer"], self)


def velocity_and_tokens(  # noqa: PLR0917 - tensors alone, which is what can be compiled
    module: Any,  # noqa: ANN401 - as above
    noisy: torch.Tensor,
    sigma: torch.Tensor,
    around: Captions,
    said: Captions,
    latents: torch.Tensor,
    patches: torch.Tensor,
    where: Places,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Predict noise minus the changed picture for a batch.

    Returns
    -------
    Tensor of the shape of `noisy`; and the changed picture's tokens behind half of the layers, (batch, patches, dim).
    """
    import torch

    model, batch = module["transformer"], len(noisy)
    time = torch.stack((torch.ones_like(sigma), 1 - sigma), dim=1).flatten()
    time = model.t_embedder(time * model.t_scale).type_as(noisy).unflatten(0, (batch, 2))
    clean, formed = patched(latents), patched(noisy)
    x = model.all_x_embedder["2-1"](torch.cat([clean, formed], dim=1))
    for layer in model.noise_refiner:
        x = run_block(layer, x, where.pictures, time, where.which[0])
    frame = text_features(module["text_encoder"], around).unsqueeze(1).expand(-1, batch, -1, -1)
    padding = around.padding.unsqueeze(1).expand(-1, batch, -1)
    text = model.cap_embedder(torch.cat([frame[0], text_features(module["text_encoder"], said), frame[1]], dim=1))
    unused = torch.cat([padding[0], said.padding, padding[1]], dim=1).unsqueeze(-1)
    text = torch.where(unused, model.cap_pad_token.to(text.dtype), text)
    for layer in model.context_refiner:
        text = run_block(layer, text, where.text)
    seen = model.siglip_embedder(_looked(module["siglip"], patches))
    more = where.seen.shape[1] - seen.shape[1]
    seen = torch.cat([seen, model.siglip_pad_token.to(seen.dtype).expand(batch, more, -1)], dim=1)
    for layer in model.siglip_refiner:
        seen = run_block(layer, seen, where.seen)
    first = text.shape[1] + clean.shape[1]
    last = first + formed.shape[1]
    x = torch.cat([text, x, seen], dim=1)
    table = torch.cat([where.text, where.pictures, where.seen], dim=1)
    x, halfway = run_layers(model, x, table, time, where.which[1])
    told = unpatched(model.all_final_layer["2-1"](x[:, first:last], c=time[:, NOISY]), noisy)
    return -told, halfway[:, first:last]


def _looked(siglip: Any, patches: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - a Siglip2VisionModel
    """Give SigLIP's features of pictures, in the order in which diffusers lays them down: (batch, patches, width)."""
    import torch

    count, number = patches.shape[:2]
    edge = round(number**0.5)
    features = siglip(
        pixel_values=patches,
        pixel_attention_mask=torch.ones(count, number, dtype=torch.int32, device=patches.device),
        spatial_shapes=torch.tensor([[edge, edge]] * count, device=patches.device),
    ).last_hidden_state
    laid: torch.Tensor = features.mT.reshape(features.shape)
    return laid


def places(model: ZImageTransformer2DModel, edits: Edits) -> Places:
    """Let diffusers say where the tokens of a batch stand; only the instructions' lengths differ within it."""
    import torch

    lengths = (~edits.said.padding).sum(dim=1).tolist()
    head, end = (~edits.around.padding).sum(dim=1).tolist()
    found = {length: _layout(model, (head, length, end), edits) for length in set(lengths)}
    text, pictures, seen = (torch.stack([found[length][0][part] for length in lengths]) for part in range(3))
    marks = found[lengths[0]][1]
    return Places(text, pictures, seen, (marks[1], torch.cat(marks)))


def _layout(
    model: ZImageTransformer2DModel, lengths: tuple[int, int, int], edits: Edits
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Give the tables and the marks of the three parts of one sample's sequence, of which so many tokens are words."""
    import torch

    latents, device = edits.latents[:1].swapaxes(0, 1), edits.latents.device
    edge = round(edits.patches.shape[1] ** 0.5)
    nothing = torch.zeros(edge, edge, model.config.siglip_feat_dim, device=device)
    words = [torch.zeros(length, model.config.cap_feat_dim, device=device) for length in lengths]
    found = model.patchify_and_embed_omni([[latents, latents]], [words], [[nothing, None]], 2, 1, [[CLEAN, NOISY]])
    tokens, stand, marks = ([some[1][0], some[0][0], some[2][0]] for some in (found[:3], found[4:7], found[11:14]))
    tables = [
        torch.view_as_real(model.rope_embedder(some)[: len(part)]).unsqueeze(1)
        for part, some in zip(tokens, stand, strict=True)
    ]
    return tables, [torch.tensor(some, device=device) for some in marks]
