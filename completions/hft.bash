# bash completion for hft
_hft() {
  local word=${COMP_WORDS[COMP_CWORD]} flags=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "classify ner qa fill-mask embed tokenize inspect models help completion --help --version" -- "$word"))
    return
  fi
  case ${COMP_WORDS[1]} in
    classify) flags="--help --top-k --function-to-apply --candidate-labels --hypothesis-template --multi-label --input --input-format --lines --recursive --files-from --null --limit --shard --text-column --text-pair-column --id-column --json --format --output --force --resume --keep-columns --model --revision --subfolder --cache-dir --local-files-only --variant --trust-remote-code --dtype --device --threads --batch-size --allow-random-head --no-truncation --quiet --verbose --progress" ;;
    ner) flags="--help --aggregation-strategy --stride --ignore-labels --input --input-format --lines --recursive --files-from --null --limit --shard --text-column --id-column --json --format --output --force --resume --keep-columns --model --revision --subfolder --cache-dir --local-files-only --variant --trust-remote-code --dtype --device --threads --batch-size --allow-random-head --no-truncation --quiet --verbose --progress" ;;
    qa) flags="--help --question --context --context-file --top-k --doc-stride --max-answer-len --max-seq-len --max-question-len --handle-impossible-answer --input --input-format --lines --recursive --files-from --null --limit --shard --context-column --question-column --id-column --json --format --output --force --resume --keep-columns --model --revision --subfolder --cache-dir --local-files-only --variant --trust-remote-code --dtype --device --threads --batch-size --allow-random-head --no-truncation --quiet --verbose --progress" ;;
    fill-mask) flags="--help --top-k --targets --input --input-format --lines --recursive --files-from --null --limit --shard --text-column --id-column --json --format --output --force --resume --keep-columns --model --revision --subfolder --cache-dir --local-files-only --variant --trust-remote-code --dtype --device --threads --batch-size --allow-random-head --no-truncation --quiet --verbose --progress" ;;
    embed) flags="--help --pooling --normalize --no-normalize --prompt-name --prompt --max-length --query --top-k --input --input-format --lines --recursive --files-from --null --limit --shard --text-column --id-column --json --format --output --force --resume --keep-columns --model --revision --subfolder --cache-dir --local-files-only --variant --trust-remote-code --dtype --device --threads --batch-size --allow-random-head --no-truncation --quiet --verbose --progress" ;;
    tokenize) flags="--help --pair --ids-only --no-special-tokens --split-special-tokens --decode --keep-special-tokens --messages --template --add-generation-prompt --no-add-generation-prompt --template-vars --input --input-format --lines --recursive --files-from --null --limit --shard --text-column --text-pair-column --id-column --json --format --output --force --resume --keep-columns --model --revision --subfolder --cache-dir --local-files-only --quiet --verbose --progress" ;;
    inspect) flags="--help --tensors --json --model --revision --subfolder --cache-dir --local-files-only --variant --quiet --verbose --progress" ;;
    models) flags="--help --json --quiet --verbose --progress" ;;
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _hft hft
