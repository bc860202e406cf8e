"""The runs of a plan: which there are, which can begin now, and what each arm has chosen so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from .plan import Arm, Plan

PROBE_STEPS = 6  # the first is slow, and five tell a step's time within a fifth


@dataclass(frozen=True)
class Run:
    """The settings of a run; two with the same ones are the same run.

    Attributes:
        kind: ``probe`` (its seconds are what counts), ``pretraining`` (the stage without labels),
            ``tuning`` (scored on held-out training pictures) or ``fine-tuning`` (scored on val).
        stage: Of a probe, whether the stage is measured.
        hash: Of the resolved configs and annotations.
        after: Name of the pretraining that it starts from.
    """

    kind: str
    arm: str
    start: str
    detector: str
    labels: int | None
    seed: int
    steps: int
    lr: float | None
    hash: str
    after: str = ''
    stage: bool = False

    @property
    def name(self) -> str:
        """Of its folder; unique among the runs of one hash."""
        if self.kind == 'probe':
            parts: list = ['stage' if self.stage else 'steps']
        elif self.kind == 'pretraining':
            parts = [f'seed{self.seed}']
        else:
            rate = [f'lr{self.lr:g}'] if self.lr is not None else []
            parts = [self.labels, f'seed{self.seed}', f'steps{self.steps}', *rate]
        return '_'.join(map(str, [self.kind, self.arm, *parts]))

    @property
    def trains_without_labels(self) -> bool:
        return self.kind == 'pretraining' or self.stage


SETTINGS = tuple(Run.__dataclass_fields__)


class State:
    """A plan beside what has come out of it.

    Args:
        hashes: Of each arm.
        stage_steps: Length of the stage.
        rows: Of all runs, the last one of a run counts; failed ones of this call too.
    """

    def __init__(
        self, plan: Plan, hashes: Mapping[str, str], stage_steps: int, rows: list[dict]
    ) -> None:
        self.plan, self.hashes, self.stage_steps = plan, hashes, stage_steps
        self.rows = {tuple(row[name] for name in SETTINGS): row for row in rows}

    def row(self, run: Run) -> dict | None:
        """A run's, finished or failed."""
        return self.rows.get(tuple(asdict(run).values()))

    def finished(self, run: Run) -> bool:
        row = self.row(run)
        return row is not None and not row['error']

    def probes(self) -> list[Run]:
        """One of each detector, and one of its stage."""
        found: dict[tuple[str, bool], Run] = {}
        for name, arm in self.plan.arms.items():
            steps = min(PROBE_STEPS, min(self.plan.steps))
            found.setdefault(
                (arm.config, False),
                self._run('probe', name, self.plan.labels[0], 0, steps, self.plan.rates[0]),
            )
            if arm.stage:
                found.setdefault(
                    (arm.config, True),
                    self._run(
                        'probe', name, None, 0, min(PROBE_STEPS, self.stage_steps), None, stage=True
                    ),
                )
        return list(found.values())

    def pretraining(self, name: str, seed: int) -> Run | None:
        """Of an arm's fine-tuning with this seed."""
        if not self.plan.arms[name].stage:
            return None
        turn = self.plan.seeds.index(seed) % self.plan.pretrainings
        return self._run('pretraining', name, None, turn, self.stage_steps, None)

    def tunings(self, name: str, labels: int) -> list[Run]:
        """Every rate at the least length, then that rate at the others.

        A rate whose run failed is none. None of them is needed where there is no choice.
        """
        shortest, *longer = sorted(self.plan.steps)
        if len(self.plan.rates) == 1 and not longer:
            return []
        runs = [self._tuning(name, labels, shortest, rate) for rate in self.plan.rates]
        if all(map(self.row, runs)) and (best := self._best(runs)):
            runs += [self._tuning(name, labels, steps, best.lr) for steps in longer]
        return runs

    def chosen(self, name: str, labels: int) -> tuple[int, float] | None:
        """Steps and learning rate of an arm; None where no run has said them."""
        runs = self.tunings(name, labels)
        if not runs:
            return self.plan.steps[0], self.plan.rates[0]
        if not all(map(self.row, runs)) or not (best := self._best(runs)):
            return None
        assert best.lr is not None
        return best.steps, best.lr

    def fine_tuning(self, name: str, labels: int, seed: int) -> Run | None:
        """Once its length and rate are chosen."""
        chosen = self.chosen(name, labels)
        return chosen and self._run(
            'fine-tuning', name, labels, seed, *chosen, after=self._after(name, seed)
        )

    def pending(self) -> Iterator[Run]:
        """Runs that have no row and whose needs are met, the most important first."""
        given = set()
        for seed in self.plan.seeds:
            for labels in self.plan.labels:
                for name in self.plan.arms:
                    for run in self._next(name, labels, seed):
                        if run not in given and not self.row(run):
                            given.add(run)
                            yield run

    def _next(self, name: str, labels: int, seed: int) -> list[Run]:
        for needed in self._needs(name, labels, seed):
            if not self.finished(needed):
                return [needed]
        run = self.fine_tuning(name, labels, seed)
        return [run] if run else self.tunings(name, labels)

    def _needs(self, name: str, labels: int, seed: int) -> list[Run]:
        """Pretrainings that a fine-tuning without a row and the choice of its settings wait for."""
        run = self.fine_tuning(name, labels, seed)
        if run and self.row(run):
            return []
        seeds = [seed] if run else [self.plan.seeds[0], seed]  # rates are chosen with the first
        return [found for one in seeds if (found := self.pretraining(name, one))]

    def blocked(self) -> Iterator[tuple[str, int, int, str]]:
        """Arm, labels, seed and reason of fine-tunings that cannot be after what failed."""
        for name, labels, seed in self.cells():
            needs = self._needs(name, labels, seed)
            failed = [run.name for run in needs if self.row(run) and not self.finished(run)]
            tunings = self.tunings(name, labels)
            if (
                not failed
                and tunings
                and all(map(self.row, tunings))
                and not self.chosen(name, labels)
            ):
                failed = [run.name for run in tunings]
            if failed:
                yield name, labels, seed, f'{failed[0]} failed before it'

    def cells(self) -> list[tuple[str, int, int]]:
        """Arm, labels and seed of all fine-tunings."""
        return [
            (name, labels, seed)
            for seed in self.plan.seeds
            for labels in self.plan.labels
            for name in self.plan.arms
        ]

    def all_runs(self) -> list[Run]:
        """All of the plan.

        Those whose settings are not chosen yet have the greatest length and no rate.
        """
        runs: dict[Run, None] = {}
        for name, labels, seed in self.cells():
            if pretraining := self.pretraining(name, seed):
                runs[pretraining] = None
            known = self.tunings(name, labels)
            runs |= dict.fromkeys(known)
            if known and len(known) == len(self.plan.rates):
                runs |= dict.fromkeys(
                    self._tuning(name, labels, steps, None) for steps in sorted(self.plan.steps)[1:]
                )
            runs[
                self.fine_tuning(name, labels, seed)
                or self._run(
                    'fine-tuning',
                    name,
                    labels,
                    seed,
                    max(self.plan.steps),
                    None,
                    after=self._after(name, seed),
                )
            ] = None
        return list(runs)

    def _tuning(self, name: str, labels: int, steps: int, rate: float | None) -> Run:
        seed = self.plan.seeds[0]
        return self._run('tuning', name, labels, seed, steps, rate, after=self._after(name, seed))

    def _after(self, name: str, seed: int) -> str:
        pretraining = self.pretraining(name, seed)
        return pretraining.name if pretraining else ''

    def _best(self, runs: list[Run]) -> Run | None:
        scored = {
            run: row['bbox_mAP'] for run in runs if (row := self.row(run)) and not row['error']
        }
        return max(scored, key=lambda run: scored[run]) if scored else None

    def _run(
        self,
        kind: str,
        name: str,
        labels: int | None,
        seed: int,
        steps: int,
        rate: float | None,
        after: str = '',
        stage: bool = False,
    ) -> Run:
        arm: Arm = self.plan.arms[name]
        return Run(
            kind,
            name,
            arm.start,
            arm.config,
            labels,
            seed,
            steps,
            rate,
            self.hashes[name],
            after,
            stage,
        )
