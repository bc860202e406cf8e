"""A plan, its folder of results and what is known of it so far."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError, shown
from .answer import cells
from .configs import Configs
from .execute import Training, Workshop, execute
from .labels import LabelFiles, check_val, described
from .page import write_page
from .pictures import Shown, Truth, show
from .plan import Plan
from .records import COLUMNS, append, read_or_set_aside
from .runs import Run, State
from .scores import read_results, score
from .source import Source
from .times import Times, missing, run_table, shown_time, within_budget

LIMIT, LEAST_LIMIT = 5, 900  # times the expected seconds of a run; seconds
Say = Callable[[str], None]


class Comparison:
    """A plan, its folder of results and what is known of it so far."""

    def __init__(
        self, source: Source, plan: Plan, out: Path, jobs: int, train: Path, say: Say
    ) -> None:
        self.source, self.plan, self.out, self.jobs, self.say = source, plan, out, jobs, say
        without_labels = check_val(source)
        left_out = (
            len(source.pictures_without_labels()) - len(without_labels) if source.pretrain else 0
        )
        self.notes = (
            [f'{left_out} pictures of the stage are val pictures by their content and are left out']
            if left_out
            else []
        )
        self.outside = {name: self._score_outside(name) for name in plan.results}
        self.truth = Truth(source.val_file, source.pictures)
        self.configs = Configs(source, plan, out, without_labels)
        self.labels = LabelFiles(source, plan, out / 'labels')
        threads = int(os.environ.get('OMP_NUM_THREADS') or max(1, (os.cpu_count() or 1) // jobs))
        self.workshop = Workshop(self.configs, self.labels, train, source.path.name, threads)
        self.records = out / 'records.csv'
        self.rows: list[dict] = []
        self.ended: list[dict] = []  # of this call: a failed run is not repeated in it

    def read_records(self, touch: bool) -> None:
        """Learn what earlier calls have run.

        Args:
            touch: Whether a table that cannot be read may be renamed.
        """
        if self.records.exists():
            self.rows, note = read_or_set_aside(self.records, touch)
            self.notes += [note] if note else []

    def _score_outside(self, name: str) -> dict:
        given = self.plan.results[name]
        results = read_results(given.file)
        kinds = ['bbox'] + (['segm'] if any('segmentation' in r for r in results) else [])
        if missing_boxes := [r for r in results if 'bbox' not in r and 'segmentation' not in r]:
            raise InputError(
                f'{given.file}: {len(missing_boxes)} results have no bbox: export COCO results'
            )
        try:
            return {
                key: value
                for kind in reversed(kinds)
                for key, value in score(
                    self.source.val_file, results, kind, self.source.classes
                ).items()
            }
        except InputError as error:
            raise InputError(f'{given.file}: {error}') from error

    def state(self) -> State:
        """As of now; failed runs of an earlier call do not count, so they are tried again."""
        finished = [row for row in self.rows if not row['error']]
        stage = self.source.pretrain
        return State(
            self.plan,
            self.configs.hashes,
            stage.train_cfg.max_iters if stage else 0,
            [row for row in finished if self._is_there(row)] + self.ended,
        )

    def _is_there(self, row: dict) -> bool:
        """A pretraining counts while its weights are kept."""
        if row['kind'] != 'pretraining':
            return True
        return (
            self.out / 'runs' / f'{row["name"]}_{row["hash"]}' / 'work/pretrained_detector.pth'
        ).exists()

    def say_plan(self) -> None:
        """The table of runs, and the time where it is known."""
        state, times = self.state(), Times(self.rows)
        for note in self.notes:
            self.say(note)
        self.say(described(self.plan, self.source))
        self.say(run_table(state, times))
        runs = missing(state)
        total = times.total(runs, self.jobs)
        self.say(
            f'{len(runs)} runs to do, {self.jobs} at a time: '
            + (
                f'about {shown_time(total)}'
                if total is not None
                else 'their time is not measured yet'
            )
        )

    def run(self, budget: float | None, time_limit: float | None) -> Path:
        """Probes, the estimate, then all runs; the page is written after each fine-tuning."""
        begun = time.time()
        self._execute(
            lambda state: [run for run in state.probes() if not state.row(run)],
            time_limit,
            quiet=True,
        )
        if budget is not None:
            self._keep_within(budget, time.time() - begun)
        self.say_plan()
        self._execute(lambda state: list(state.pending()), time_limit)
        for name, labels, seed, reason in self.state().blocked():
            self.ended.append(self._blocked(name, labels, seed, reason))
            append(self.records, self.ended[-1])
        page = self._write_page()
        if not any(row['kind'] == 'fine-tuning' and not row['error'] for row in self._of_plan()):
            failed = next((row for row in self.ended if row['error']), None)
            raise InputError(
                'no run came to its end'
                + (f'; {failed["name"]}: {shown(failed["error"], 300)}' if failed else '')
            )
        self.say(f'records: {self.records}\npage: {page}')
        return page

    def _keep_within(self, budget: float, spent: float) -> None:
        before = self.plan
        plan = within_budget(self.state(), Times(self.rows), budget, self.jobs, spent)
        if plan is None:
            self.notes.append('the budget is not kept: the time of some runs could not be measured')
            return
        self.plan = plan
        for name in ('seeds', 'labels'):
            kept, all_of = getattr(self.plan, name), getattr(before, name)
            if len(kept) < len(all_of):
                self.notes.append(
                    f'dropped to keep within the budget: {name} '
                    + ', '.join(map(str, all_of[len(kept) :]))
                )

    def _execute(
        self, runs_of: Callable[[State], list[Run]], time_limit: float | None, quiet: bool = False
    ) -> None:
        def limit(run: Run) -> float:
            return time_limit or max(LEAST_LIMIT, LIMIT * (Times(self.rows).seconds(run) or 0))

        def begun(run: Run) -> None:
            expected = Times(self.rows).seconds(run)
            self.say(
                f'{_now()} {run.name} begins'
                + (f': about {shown_time(expected)}' if expected else '')
            )

        def ended(training: Training) -> None:
            row = self.workshop.finish(training, *self._seconds_before(training.run))
            append(self.records, row)
            self.rows.append(row)
            self.ended.append(row)
            result = (
                f'failed: {shown(row["error"], 200)}'
                if row['error']
                else f'done in {shown_time(row["seconds"])}'
                + (
                    f', box AP {100 * row["bbox_mAP"]:.1f}'
                    if row.get('bbox_mAP') is not None
                    else ''
                )
            )
            self.say(
                f'{_now()} {row["name"]} {result}' + ('' if quiet else f'; {self._progress()}')
            )
            if row['kind'] == 'fine-tuning':
                self._write_page()

        execute(lambda: runs_of(self.state()), self.workshop, self.jobs, limit, begun, ended)

    def _progress(self) -> str:
        state = self.state()
        left, runs = missing(state), state.all_runs()
        total = Times(self.rows).total(left, self.jobs)
        time_left = (
            f', at most about {shown_time(total)} left' if left and total is not None else ''
        )
        return f'{len(runs) - len(left)} of {len(runs)}{time_left}'

    def _seconds_before(self, run: Run) -> tuple[float, float]:
        """Of the pretraining that a run starts from, and of the runs that chose its settings."""

        def same(row: dict) -> bool:
            return row['hash'] == run.hash and not row['error']

        tunings = {one.name for one in self.state().tunings(run.arm, run.labels or 0)}
        stage = [row['seconds'] for row in self.rows if same(row) and row['name'] == run.after]
        choice = [row['seconds'] for row in self.rows if same(row) and row['name'] in tunings]
        return stage[-1] if stage else 0.0, round(sum(choice), 1)

    def _blocked(self, name: str, labels: int, seed: int, reason: str) -> dict:
        arm = self.plan.arms[name]
        settings = dict.fromkeys(COLUMNS) | dict(
            kind='fine-tuning',
            arm=name,
            start=arm.start,
            detector=arm.config,
            labels=labels,
            seed=seed,
            hash=self.configs.hashes[name],
            after='',
            stage=False,
        )
        return settings | dict(
            name=f'fine-tuning_{name}_{labels}_seed{seed}',
            data=self.source.path.name,
            note='',
            error=reason,
            **self.workshop.same,
        )

    def _of_plan(self) -> list[dict]:
        """The last row of each run of the plan with today's configs, failed ones too."""
        rows = {(row['name'], row['hash']): row for row in [*self.rows, *self.ended]}
        names = {(run.name, run.hash) for run in self.state().all_runs()}
        blocked = [row for row in self.ended if row['steps'] is None]
        return [row for key, row in rows.items() if key in names or row in blocked]

    def _write_page(self) -> Path:
        rows = self._of_plan()
        return write_page(
            self.out / 'page.html',
            self.plan,
            rows,
            self.outside,
            [described(self.plan, self.source), *self.notes],
            self._pictures(rows),
        )

    def _pictures(self, rows: list[dict]) -> Shown | None:
        """Under each arm's first seed with the most labels, and under the outside results."""
        files = {
            cell.arm: self.out / 'runs' / f'{row["name"]}_{row["hash"]}' / 'results.bbox.json'
            for cell in cells(self.plan, rows)
            if cell.labels == max(self.plan.labels) and (row := cell.rows.get(self.plan.seeds[0]))
        }
        files = {name: file for name, file in files.items() if file.is_file()}
        if not files:
            return None
        files |= {name: given.file for name, given in self.plan.results.items()}
        return show(self.truth, files)


def _now() -> str:
    return time.strftime('%H:%M:%S')
