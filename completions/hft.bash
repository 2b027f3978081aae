# bash completion for hft
_hft_lines() {  # a reply per line of what compgen finds
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")
}
_hft() {
  local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}
  local line="${COMP_WORDS[*]:1:COMP_CWORD-1}" flags= choices= own= next=
  # --name=value comes as three words.
  if [ "$word" = = ]; then word=
  elif [ "$last" = = ]; then last=${COMP_WORDS[COMP_CWORD-2]}; fi
  word=${word//\\/}
  word=${word#[\"\']}
  case "$line" in
    "") next="generate chat classify ner qa fill-mask summarize translate embed rerank loglikelihood image-classify detect segment caption vqa doc-qa audio-classify transcribe run pipeline train tokenize convert inspect eval merge bench push hub models doctor env help completion --help --version" ;;
    "completion") next="bash zsh fish" ;;
    "help") next="generate chat classify ner qa fill-mask summarize translate embed rerank loglikelihood image-classify detect segment caption vqa doc-qa audio-classify transcribe run pipeline train tokenize convert inspect eval merge bench push hub models doctor env completion exit-codes environment formats" ;;
    "help eval") next="compare" ;;
    "help hub") next="download upload ls info cache login logout whoami" ;;
    "help hub cache") next="ls rm prune verify" ;;
    "hub") next="download upload ls info cache login logout whoami" ;;
    "hub cache") next="ls rm prune verify" ;;
  esac
  if [ -n "$next" ]; then _hft_lines -W "$next" -- "$word"; return; fi
  case "$line " in
    "hub cache ls "*)
      flags="--help -h --cache-dir --filter --revisions --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --filter) own=1 ;;
      esac
      ;;
    "hub cache rm "*)
      flags="--help -h --cache-dir --filter --yes -y --dry-run --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --filter) own=1 ;;
      esac
      ;;
    "hub cache prune "*)
      flags="--help -h --cache-dir --filter --yes -y --dry-run --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --filter) own=1 ;;
      esac
      ;;
    "hub cache verify "*)
      flags="--help -h --cache-dir --filter --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --filter) own=1 ;;
      esac
      ;;
    "eval compare "*)
      flags="--help -h --task --metric --labels --ignore-index --reduce-labels --no-reduce-labels --positive-label --reference-column --prediction-column --extract --bleu-tokenizer --rouge-stemmer --significance --resamples --bootstrap-seed --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --bleu-tokenizer) choices="13a none char intl zh" ;;
        --significance) choices="mcnemar bootstrap permutation" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --task|--metric|--labels|--ignore-index|--positive-label|--reference-column|--prediction-column|--extract|--resamples|--bootstrap-seed) own=1 ;;
      esac
      ;;
    "hub download "*)
      flags="--help -h --include --exclude --revision --cache-dir --local-dir --local-files-only --require-license --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --include|--exclude|--revision|--require-license) own=1 ;;
      esac
      ;;
    "hub upload "*)
      flags="--help -h --include --exclude --revision --commit-message --private --create-pr --dry-run --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --include|--exclude|--revision|--commit-message) own=1 ;;
      esac
      ;;
    "hub ls "*)
      flags="--help -h --revision --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --revision) own=1 ;;
      esac
      ;;
    "hub info "*)
      flags="--help -h --revision --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --revision) own=1 ;;
      esac
      ;;
    "hub login "*)
      flags="--help -h --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "hub logout "*)
      flags="--help -h --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "hub whoami "*)
      flags="--help -h --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "generate "*)
      flags="--help -h --full-text --no-full-text --stream --image --messages --system --chat-template --tools --json-schema --regex --choices --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --messages-column --image-column --body-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --system|--regex|--choices|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--text-column|--messages-column|--image-column|--body-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "chat "*)
      flags="--help -h --image --system --chat-template --tools --json-schema --regex --choices --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --system|--regex|--choices|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "classify "*)
      flags="--help -h --top-k --function-to-apply --candidate-labels --hypothesis-template --multi-label --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --text-pair-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --function-to-apply) choices="softmax sigmoid none" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --top-k|--candidate-labels|--hypothesis-template|--split|--subset|--limit|--max-errors|--shard|--text-column|--text-pair-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "ner "*)
      flags="--help -h --aggregation-strategy --stride --ignore-labels --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --aggregation-strategy) choices="none simple first average max" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --stride|--ignore-labels|--split|--subset|--limit|--max-errors|--shard|--text-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "qa "*)
      flags="--help -h --question --context --context-file --top-k --doc-stride --max-answer-len --max-seq-len --max-question-len --handle-impossible-answer --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --context-column --question-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --question|--context|--top-k|--doc-stride|--max-answer-len|--max-seq-len|--max-question-len|--split|--subset|--limit|--max-errors|--shard|--context-column|--question-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "fill-mask "*)
      flags="--help -h --top-k --targets --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --top-k|--targets|--split|--subset|--limit|--max-errors|--shard|--text-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "summarize "*)
      flags="--help -h --text2text --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--text-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "translate "*)
      flags="--help -h --src-lang --tgt-lang --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --src-lang|--tgt-lang|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--text-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "embed "*)
      flags="--help -h --pooling --normalize --no-normalize --prompt-name --prompt --document-prompt-name --truncate-dim --max-length --query --top-k --text --image --audio --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --image-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --pooling) choices="auto cls mean max last mean_sqrt_len weightedmean" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --prompt-name|--prompt|--document-prompt-name|--truncate-dim|--max-length|--query|--top-k|--split|--subset|--limit|--max-errors|--shard|--text-column|--image-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "rerank "*)
      flags="--help -h --query --top-k --max-length --function-to-apply --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --query-column --documents-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --function-to-apply) choices="softmax sigmoid none" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --query|--top-k|--max-length|--split|--subset|--limit|--max-errors|--shard|--text-column|--query-column|--documents-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "loglikelihood "*)
      flags="--help -h --fewshot --num-fewshot --description --target-delimiter --fewshot-delimiter --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --choices-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --num-fewshot|--description|--target-delimiter|--fewshot-delimiter|--split|--subset|--limit|--max-errors|--shard|--text-column|--choices-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "image-classify "*)
      flags="--help -h --top-k --function-to-apply --candidate-labels --hypothesis-template --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --image-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --function-to-apply) choices="softmax sigmoid none" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --top-k|--candidate-labels|--hypothesis-template|--split|--subset|--limit|--max-errors|--shard|--image-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "detect "*)
      flags="--help -h --threshold --exact-boxes --save-images --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --image-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet coco" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --threshold|--split|--subset|--limit|--max-errors|--shard|--image-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "segment "*)
      flags="--help -h --subtask --threshold --mask-threshold --overlap-mask-area-threshold --save-images --save-masks --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --image-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --subtask) choices="panoptic instance semantic" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --threshold|--mask-threshold|--overlap-mask-area-threshold|--split|--subset|--limit|--max-errors|--shard|--image-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "caption "*)
      flags="--help -h --prompt --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --image-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --prompt|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--image-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "vqa "*)
      flags="--help -h --question --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --image-column --question-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --question|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--image-column|--question-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "doc-qa "*)
      flags="--help -h --question --top-k --lang --tesseract-config --word-boxes --doc-stride --max-answer-len --max-seq-len --handle-impossible-answer --save-images --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --image-column --question-column --word-boxes-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --question|--top-k|--lang|--tesseract-config|--doc-stride|--max-answer-len|--max-seq-len|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--image-column|--question-column|--word-boxes-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "audio-classify "*)
      flags="--help -h --top-k --function-to-apply --candidate-labels --hypothesis-template --raw --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --audio-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --function-to-apply) choices="softmax sigmoid none" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --top-k|--candidate-labels|--hypothesis-template|--raw|--split|--subset|--limit|--max-errors|--shard|--audio-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "transcribe "*)
      flags="--help -h --return-timestamps --chunk-length-s --stride-length-s --raw --language --task --initial-prompt --condition-on-prev-tokens --no-condition-on-prev-tokens --temperatures --compression-ratio-threshold --logprob-threshold --no-speech-threshold --max-new-tokens --min-new-tokens --max-length --min-length --max-time --num-beams --num-beam-groups --diversity-penalty --length-penalty --num-return-sequences --penalty-alpha --temperature --top-k --top-p --min-p --typical-p --epsilon-cutoff --eta-cutoff --repetition-penalty --encoder-repetition-penalty --no-repeat-ngram-size --encoder-no-repeat-ngram-size --forced-bos-token-id --bos-token-id --pad-token-id --decoder-start-token-id --prompt-lookup-num-tokens --max-matching-ngram-size --num-assistant-tokens --assistant-confidence-threshold --prefill-chunk-size --do-sample --no-do-sample --renormalize-logits --no-renormalize-logits --remove-invalid-values --no-remove-invalid-values --eos-token-id --suppress-tokens --begin-suppress-tokens --forced-eos-token-id --exponential-decay-length-penalty --stop --bad-words --sequence-bias --early-stopping --seed --logprobs --assistant-model --cache-implementation --cache-bits --no-pipeline-defaults --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --audio-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --return-timestamps) choices="true word char false" ;;
        --task) choices="transcribe translate" ;;
        --early-stopping) choices="true false never" ;;
        --cache-implementation) choices="dynamic dynamic_full static hybrid sliding_window hybrid_chunked offloaded offloaded_static offloaded_hybrid quantized" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet srt vtt lrc" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --chunk-length-s|--stride-length-s|--raw|--language|--initial-prompt|--temperatures|--compression-ratio-threshold|--logprob-threshold|--no-speech-threshold|--max-new-tokens|--min-new-tokens|--max-length|--min-length|--max-time|--num-beams|--num-beam-groups|--diversity-penalty|--length-penalty|--num-return-sequences|--penalty-alpha|--temperature|--top-k|--top-p|--min-p|--typical-p|--epsilon-cutoff|--eta-cutoff|--repetition-penalty|--encoder-repetition-penalty|--no-repeat-ngram-size|--encoder-no-repeat-ngram-size|--forced-bos-token-id|--bos-token-id|--pad-token-id|--decoder-start-token-id|--prompt-lookup-num-tokens|--max-matching-ngram-size|--num-assistant-tokens|--assistant-confidence-threshold|--prefill-chunk-size|--eos-token-id|--suppress-tokens|--begin-suppress-tokens|--forced-eos-token-id|--exponential-decay-length-penalty|--stop|--bad-words|--seed|--logprobs|--cache-bits|--split|--subset|--limit|--max-errors|--shard|--audio-column|--id-column|--keep-columns|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "run "*)
      flags="--help -h --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "pipeline "*)
      flags="--help -h --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "train "*)
      flags="--help -h --output-dir -o --force --overwrite-output-dir --resume-from-checkpoint --logging-file --ddp-timeout --report-to --push-to-hub --hub-model-id --hub-strategy --hub-private-repo --task --train-file --eval-file --validation-file --no-cache --text-column --text-pair-column --media-column --label-column --chat-template --assistant-turns --source-prefix --problem-type --max-length --max-target-length --scale --block-size --mlm-probability --epochs --num-train-epochs --max-steps --per-device-train-batch-size --per-device-eval-batch-size --gradient-accumulation-steps --group-by-length --dataloader-drop-last --seed --data-seed --lr --learning-rate --lr-scheduler-type --lr-scheduler-kwargs --warmup-steps --warmup-ratio --optim --optim-args --weight-decay --adam-beta1 --adam-beta2 --adam-epsilon --max-grad-norm --bf16 --gradient-checkpointing --dropout --neftune-noise-alpha --label-smoothing-factor --logging-strategy --logging-steps --logging-first-step --eval-strategy --eval-steps --eval-on-start --save-strategy --save-steps --save-total-limit --load-best-model-at-end --metric-for-best-model --greater-is-better --early-stopping-patience --early-stopping-threshold --zero-stage --ddp-bucket-cap-mb --lora-r --lora-alpha --lora-dropout --use-dora --use-rslora --target-modules --modules-to-save --model -m --revision --subfolder --cache-dir --require-license --local-files-only --variant --ignore-mismatched-sizes --from-config --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --report-to) choices="tensorboard none" ;;
        --hub-strategy) choices="end every_save checkpoint all_checkpoints" ;;
        --problem-type) choices="single_label_classification regression multi_label_classification" ;;
        --lr-scheduler-type) choices="linear cosine cosine_with_restarts polynomial constant constant_with_warmup inverse_sqrt cosine_with_min_lr cosine_warmup_with_min_lr warmup_stable_decay reduce_lr_on_plateau" ;;
        --optim) choices="adamw_torch_fused adamw_torch adamw_8bit adamw_bnb_8bit adafactor sgd adagrad rmsprop" ;;
        --logging-strategy) choices="no steps epoch" ;;
        --eval-strategy) choices="no steps epoch" ;;
        --save-strategy) choices="no steps epoch best" ;;
        --greater-is-better) choices="true false" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --ddp-timeout|--hub-model-id|--task|--text-column|--text-pair-column|--media-column|--label-column|--source-prefix|--max-length|--max-target-length|--scale|--block-size|--mlm-probability|--epochs|--num-train-epochs|--max-steps|--per-device-train-batch-size|--per-device-eval-batch-size|--gradient-accumulation-steps|--seed|--data-seed|--lr|--learning-rate|--lr-scheduler-kwargs|--warmup-steps|--warmup-ratio|--optim-args|--weight-decay|--adam-beta1|--adam-beta2|--adam-epsilon|--max-grad-norm|--dropout|--neftune-noise-alpha|--label-smoothing-factor|--logging-steps|--eval-steps|--save-steps|--save-total-limit|--metric-for-best-model|--early-stopping-patience|--early-stopping-threshold|--zero-stage|--ddp-bucket-cap-mb|--lora-r|--lora-alpha|--lora-dropout|--target-modules|--modules-to-save|--revision|--require-license|--variant|--device|--threads) own=1 ;;
      esac
      ;;
    "tokenize "*)
      flags="--help -h --pair --ids-only --no-special-tokens --split-special-tokens --max-length --truncation --return-overflowing-tokens --stride --src-lang --decode --keep-special-tokens --messages --template --chat-template --add-generation-prompt --no-add-generation-prompt --template-vars --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --text-column --text-pair-column --id-column --json --format --output -o --output-dir --skip-existing --force --resume --keep-columns --model -m --revision --subfolder --cache-dir --require-license --local-files-only --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --truncation) choices="longest_first only_first only_second" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --format) choices="text json csv tsv parquet" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --pair|--max-length|--stride|--src-lang|--split|--subset|--limit|--max-errors|--shard|--text-column|--text-pair-column|--id-column|--keep-columns|--revision|--require-license) own=1 ;;
      esac
      ;;
    "convert "*)
      flags="--help -h --output -o --force --dtype --max-shard-size --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --max-shard-size|--revision|--require-license|--adapter-weights|--variant) own=1 ;;
      esac
      ;;
    "inspect "*)
      flags="--help -h --tensors --json --model -m --revision --subfolder --cache-dir --require-license --local-files-only --variant --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --revision|--require-license|--variant) own=1 ;;
      esac
      ;;
    "eval "*)
      flags="--help -h --task --metric --labels --ignore-index --reduce-labels --no-reduce-labels --positive-label --reference-column --prediction-column --extract --bleu-tokenizer --rouge-stemmer --significance --resamples --bootstrap-seed --predictions --image-folder --corpus --qrels --candidates --fail-under --baseline --max-drop --output -o --force --resume --output-path --samples --junit --summary --plots --json --format --input -i --input-format --lines --split --subset --recursive -R --files-from --null -0 --limit --max-errors --shard --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --bleu-tokenizer) choices="13a none char intl zh" ;;
        --significance) choices="mcnemar bootstrap permutation" ;;
        --format) choices="text json" ;;
        --input-format) choices="auto text lines jsonl json csv tsv parquet arrow webdataset" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --task|--metric|--labels|--ignore-index|--positive-label|--reference-column|--prediction-column|--extract|--resamples|--bootstrap-seed|--fail-under|--max-drop|--split|--subset|--limit|--max-errors|--shard|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "merge "*)
      flags="--help -h --output -o --force --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "bench "*)
      flags="--help -h --prompt-tokens --depth --batch --new-tokens --repetitions --cache-bits --format --json --model -m --revision --subfolder --cache-dir --require-license --local-files-only --adapter --adapter-weights --variant --trust-remote-code --attn-implementation --compile --dtype --quantize --load-in-4bit --load-in-8bit --bnb-4bit-quant-type --bnb-4bit-use-double-quant --bnb-4bit-compute-dtype --device --threads --device-map --max-memory --dry-run --batch-size --deterministic --allow-random-head --no-truncation --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --format) choices="text json csv" ;;
        --attn-implementation) choices="auto eager sdpa flash_attention_2" ;;
        --dtype) choices="auto float32 bfloat16 float16" ;;
        --quantize) choices="none dynamic" ;;
        --bnb-4bit-quant-type) choices="nf4 fp4" ;;
        --bnb-4bit-compute-dtype) choices="float32 bfloat16 float16" ;;
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --prompt-tokens|--depth|--batch|--new-tokens|--repetitions|--cache-bits|--revision|--require-license|--adapter-weights|--variant|--device|--threads|--batch-size) own=1 ;;
      esac
      ;;
    "push "*)
      flags="--help -h --revision --commit-message --private --create-pr --dry-run --quiet -q --verbose -v --progress --color --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
        --revision|--commit-message) own=1 ;;
      esac
      ;;
    "models "*)
      flags="--help -h --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "doctor "*)
      flags="--help -h --json --quiet -q --verbose -v --progress --color --dry-run --config"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
    "env "*)
      flags="--help -h --json --config --quiet -q --verbose -v --progress --color --dry-run"
      case "$last" in
        --progress) choices="auto bar plain json none" ;;
        --color) choices="auto always never" ;;
      esac
      ;;
  esac
  COMPREPLY=()
  if [ -n "$own" ]; then return
  elif [ -n "$choices" ]; then _hft_lines -W "$choices" -- "$word"
  elif [ "${word:0:1}" = - ]; then _hft_lines -W "$flags" -- "$word"
  else _hft_lines -f -- "$word"; fi
}
complete -o filenames -F _hft hft
