# What the recipes share; each of them sources it, defines its steps and ends with `run_steps "$@"`.
set -euo pipefail
export LC_ALL=C.UTF-8
recipe=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
name=$(basename "$recipe")
top=$(cd "$recipe/../.." && pwd)
hft=${HFT:-$top/build/hft}
work=${HFT_RECIPES:-$top/build/recipes}/$name

# fetch PACKAGE…: Debian packages, unpacked below $work/root; nothing is installed.
fetch() {
  mkdir -p "$work/packages" "$work/root"
  local package
  for package; do
    compgen -G "$work/packages/${package}_*.deb" > /dev/null || (cd "$work/packages" && apt-get -qq download "$package")
    dpkg-deb -x "$work/packages/${package}"_*.deb "$work/root"
  done
}

# tokenizer FILE ARGS…: makes start/FILE, a SentencePiece model of lines.txt.
tokenizer() {
  local made=$work/start/$1
  shift
  # In the folder itself: the names become part of the model.
  (cd "$work" && LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libsentencepiece_train.so*' -print -quit)") \
    root/usr/bin/spm_train --input=lines.txt --model_prefix=tok --num_threads=1 --minloglevel=1 "$@")
  cp "$work/tok.model" "$made"
}

# start FILE…: a folder to train from: these files of the recipe.
start() {
  rm -rf "$work/start"
  mkdir -p "$work/start"
  (cd "$recipe" && cp "$@" "$work/start")
}

# learn ARGS…: from new weights; one thread, so that the bytes are the same again. The model is in bfloat16.
learn() {
  "$hft" train -m "$work/start" --from-config --train-file "$work/train.jsonl" --eval-file "$work/eval.jsonl" \
    -o "$work/trained" --force --threads 1 --seed 42 "$@"
  "$hft" convert "$work/trained" -o "$work/model" --force --dtype bfloat16
  rm -f "$work"/model/{trainer_state,training_args,{all,train,eval}_results}.json
}

# figure FILE NAME FORMAT [FACTOR]: of a result of `hft eval`.
figure() {
  awk -v name="\"$2\":" -v form="$3" -v factor="${4:-1}" '
    $1 == name { found = 1 }
    found && (value = $1 == name ? $2 : $1 == "\"value\":" ? $2 : "") ~ /^[0-9]/ {
      printf form, factor * (value + 0)
      exit
    }' "$1"
}

# version PACKAGE: of what was fetched.
version() { dpkg-deb -f "$work/packages/${1}"_*.deb Version; }

# card NAME=VALUE…: the model's page, with these in the places of @NAME@.
card() {
  local page pair size
  size=$(du -bc "$work"/model/* | awk 'END { printf "%.1f MB", $1 / 1e6 }')
  page=$(cat "$recipe/card.md")
  for pair in "$@" "SIZE=$size"; do page=${page//"@${pair%%=*}@"/"${pair#*=}"}; done
  printf '%s\n' "$page" > "$work/model/README.md"
}

install_model() {
  local made=$top/share/models/$name
  mkdir -p "$top/share/models"
  rm -rf "$made"
  cp -r "$work/model" "$made"
  echo "$name: $made" >&2
}

# All steps, or those that are named.
run_steps() {
  mkdir -p "$work"
  [ $# -gt 0 ] || set -- prepare train evaluate install_model
  local step
  for step; do
    echo "$name: $step" >&2
    "$step"
  done
}
