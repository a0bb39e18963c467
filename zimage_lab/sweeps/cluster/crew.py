"""Which workers there are: one for each GPU of the cluster, or each share of its CPUs; who comes, goes and fits."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.sweeps.cluster.agreement import Facts, Needs, differences
from zimage_lab.sweeps.cluster.hand import Hand
from zimage_lab.sweeps.cluster.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.sweeps.cluster.messages import Greeting
    from zimage_lab.sweeps.cluster.options import Ray

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Seconds between two looks at the cluster's machines."""

SHARES = 4
"""Workers on a machine without a GPU."""

DEATHS = 3
"""So many workers in a row may die in one place before a picture was made there; then it is left alone."""

CALLS = 8
"""Methods of a worker that may run at one time."""

REPORT_SECONDS = 10.0
"""How long a worker that has nothing to tell waits before it says so."""

KEPT = 20
"""Lines of lost workers that are kept to be seen."""


class Slot(NamedTuple):
    """A place for a worker: the node's id, a number there, the machine's name, GPUs and CPUs."""

    node: str
    number: int
    host: str
    gpus: float
    cpus: int


class Call(NamedTuple):
    """A method of a worker that runs."""

    hand: Hand
    what: str


class Crew:
    """The workers.

    Parameters
    ----------
    ray
        The module, connected.
    options
        What the person said.
    replica
        What every worker is told as it begins: `home`, `settings`, `path`.
    facts
        Tells what this side has of what is needed.
    """

    def __init__(self, ray: Any, options: Ray, replica: dict[str, str], facts: Callable[[Needs], Facts]) -> None:  # noqa: ANN401
        self._ray, self._options, self._replica, self._facts = ray, options, replica, facts
        self.hands: tuple[Hand, ...] = ()  # replaced whole, so that any thread may read
        self.lost: tuple[Hand, ...] = ()
        self.calls: dict[Any, Call] = {}
        self.changed = threading.Condition()
        self.slots: tuple[Slot, ...] | None = None
        self._needs, self._ours = Needs(), Facts()
        self._looked = float("-inf")
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._names = itertools.count()

    @property
    def ready(self) -> list[Hand]:
        """The workers that agree in all that is needed."""
        return [hand for hand in self.hands if hand.state == "ready" and self.is_agreed(hand)]

    @property
    def hopeless(self) -> str | None:
        """Why there will be no worker any more; None while there is hope."""
        if self.hands or not self.slots or not all(self._deaths[one[:2]] >= DEATHS for one in self.slots):
            return None
        return f"Every worker died {DEATHS} times in a row. The last words: {self.lost[-1].note}"

    @property
    def ahead(self) -> int:
        """Batches that a worker holds."""
        return self._options.ahead

    @property
    def needs(self) -> Needs:
        """What workers must have."""
        return self._needs

    def is_agreed(self, hand: Hand) -> bool:
        """Whether a worker was found to have all that is needed."""
        return hand.agreed is not None and self._needs <= hand.agreed

    def need(self, needs: Needs) -> None:
        """Say what workers must have from now on; from any thread."""
        ours = self._facts(needs)
        with self.changed:
            self._needs, self._ours = needs, ours
            for hand in self.hands:
                if hand.state == "refused":
                    hand.state, hand.note, hand.agreed = "starting", "", None

    def tend(self) -> None:
        """See to it that every place has its worker, and that each was asked what it has."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            slots = self._look()
            for slot in slots:
                if len(self.hands) >= (self._options.workers or len(slots)):
                    break
                taken = any(hand.slot == slot[:2] for hand in self.hands)
                if not taken and self._deaths[slot[:2]] < DEATHS:
                    self._start(slot)
            with self.changed:
                self.slots = tuple(slots)
                self.changed.notify_all()
        asked = {call.hand.name for call in self.calls.values() if call.what == "hello"}
        for hand in self.hands:
            if hand.state in {"starting", "ready"} and not self.is_agreed(hand) and hand.name not in asked:
                self.call(hand, "hello", self._needs)

    def call(self, hand: Hand, what: str, *values: object) -> None:
        """Begin a method of a worker."""
        self.calls[getattr(hand.actor, what).remote(*values)] = Call(hand, what)

    def wait(self, seconds: float) -> list[tuple[Call, Any, Exception | None]]:
        """Wait for methods to end; gives what each gave, or what went wrong."""
        refs = list(self.calls)
        if not refs:
            time.sleep(seconds)
            return []
        done, _ = self._ray.wait(refs, num_returns=1, timeout=seconds)
        if done:
            done, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        ended: list[tuple[Call, Any, Exception | None]] = []
        for ref in done:
            call = self.calls.pop(ref, None)
            if call is None:
                continue
            try:
                ended.append((call, self._ray.get(ref), None))
            except Exception as error:  # noqa: BLE001 - whatever became of the worker, the others go on
                ended.append((call, None, error))
        return ended

    def greeted(self, hand: Hand, greeting: Greeting) -> None:
        """Hold what a worker has against what is here; it gets work where all agrees."""
        if hand.pid == 0:
            self.call(hand, "report", REPORT_SECONDS)
        hand.pid, hand.device, hand.facts = greeting.pid, greeting.device, greeting.facts
        with self.changed:
            if set(greeting.facts.weights) != {*self._needs.models, *self._needs.loras}:
                return  # an answer to what was needed before
            if not all(self._ours.weights.values()):
                # What is not on this side is right as the first worker has it.
                known = {name: files or greeting.facts.weights[name] for name, files in self._ours.weights.items()}
                self._ours = Facts(self._ours.versions, known)
            found = differences(self._ours, greeting.facts)
            if found:
                hand.state, hand.note = "refused", f"it has {', '.join(found)}"
                LOG.warning("The worker %s gets no work: %s", hand.name, hand.note)
            else:
                hand.state, hand.agreed = "ready", self._needs
            self.changed.notify_all()
        if hand.state == "ready":
            for model in sorted(self._needs.models)[:1]:
                self.call(hand, "warm_up", model)

    def lose(self, hand: Hand, reason: str) -> None:
        """Take a worker off the list; another one takes its place."""
        hand.state, hand.note = "lost", reason
        self._deaths[hand.slot] = 0 if hand.cells else self._deaths[hand.slot] + 1
        with self.changed:
            self.hands = tuple(one for one in self.hands if one is not hand)
            self.lost = (*self.lost, hand)[-KEPT:]
            self.changed.notify_all()
        for ref in [ref for ref, call in self.calls.items() if call.hand is hand]:
            del self.calls[ref]
        self._kill(hand)
        self._looked = float("-inf")

    def close(self, seconds: float) -> None:
        """End all workers, at most so many seconds for their own way out."""
        self.calls = {}
        for hand in self.hands:
            self.call(hand, "stop")
        if self.calls:
            self._ray.wait(list(self.calls), num_returns=len(self.calls), timeout=seconds)
        for hand in self.hands:
            self._kill(hand)
        self.hands, self.calls = (), {}

    def _kill(self, hand: Hand) -> None:
        try:
            self._ray.kill(hand.actor)
        except Exception:  # it is dead already, or the cluster is
            LOG.debug("The worker %s could not be ended", hand.name, exc_info=True)

    def _look(self) -> list[Slot]:
        """List the places for workers; where the cluster has GPUs its other machines draw nothing."""
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        gpus = {node["NodeID"]: int(node["Resources"].get("GPU", 0)) for node in nodes}
        slots = []
        for node in nodes:
            here, host = gpus[node["NodeID"]], str(node.get("NodeManagerHostname") or node["NodeManagerAddress"])
            cpus = int(node["Resources"].get("CPU", 0))
            if any(gpus.values()):
                slots += [Slot(node["NodeID"], number, host, 1, 0) for number in range(here)]
            elif cpus:
                share = min(cpus, self._options.cpus or max(1, cpus // SHARES))
                slots += [Slot(node["NodeID"], number, host, 0, share) for number in range(cpus // share)]
        return slots

    def _start(self, slot: Slot) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        name = f"{slot.host}/{next(self._names)}"
        device = "cuda:0" if slot.gpus else "cpu"
        made: Any = self._ray.remote(Replica)
        actor = made.options(
            num_cpus=slot.cpus,
            num_gpus=slot.gpus,
            max_restarts=0,  # what it held is handed on from here, where it is known
            max_task_retries=0,
            max_concurrency=CALLS,
            scheduling_strategy=NodeAffinitySchedulingStrategy(slot.node, soft=False),
        ).remote(name, device=device, threads=max(1, slot.cpus), **self._replica)
        hand = Hand(name, slot[:2], actor, device)
        self.hands = (*self.hands, hand)
