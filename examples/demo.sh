#!/bin/sh
# The whole way, as a user would type it: record three runs, sync them, look at them. `make demo`
# runs it; by hand it needs airtape and numpy installed.
set -eu
repository=$(cd "$(dirname "$0")/.." && pwd)

# Settings of your own shell would change what you are about to see.
for name in $(env | sed -n -e 's/^\(WANDB_[A-Z_]*\)=.*/\1/p' -e 's/^\(TRACKER_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done

mkdir -p "$repository/build/demo"
cd "$(mktemp -d "$repository/build/demo/XXXXXX")"
cp "$repository/examples/train.py" .

type_and_run() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

accuracies="select summary.run, name, value as accuracy from summary join run_list using (id)
    where key = 'eval/accuracy' order by accuracy desc"

type_and_run "python train.py"
type_and_run "tracker sync ./wandb/run-*"
type_and_run "tracker ls"
type_and_run "sqlite-utils query --table ./wandb/tracker.db \"$accuracies\""
best=$(sqlite-utils query --csv --no-headers ./wandb/tracker.db "$accuracies" | sed -n 's/,.*//;1p')
type_and_run "tracker show $best"

printf '\nAll of it is in %s\n' "$PWD"
