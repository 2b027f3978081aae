"""Writes the folders of tests/regression about sentence-transformers models and PEFT adapters: small files laid
over a checkpoint of tests/golden, and what the reference answers for the whole. Needs sentence-transformers >= 5.4 and peft.
"""
import json
import shutil
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers as tf
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).resolve().parents[2] / "tests"
TEXTS = ["The ferry waits for the tide.", "Maria repairs a broken clock", "ok"]
ST = "sentence_transformers.models."


def dump(value):
    return json.dumps(value, ensure_ascii=False)


class Case:
    """A folder of tests/regression in the making; `m` is the model, laid over tests/golden/BASE."""

    def __init__(self, name, why):
        self.name, self.why, self.runs = name, why, []
        self.folder = ROOT / "regression" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        torch.manual_seed(sum(name.encode()))

    def write(self, path, value):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value, indent=1) + "\n")

    def tensors(self, path, tensors):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in tensors.items()}, file, metadata={"format": "pt"})

    def modules(self, model, *kinds):
        """modules.json of (kind, config, tensors) after the Transformer."""
        rows = [{"idx": 0, "name": "0", "path": "", "type": ST + "Transformer"}]
        for i, (kind, config, tensors) in enumerate(kinds, 1):
            rows.append({"idx": i, "name": str(i), "path": f"{i}_{kind}", "type": ST + kind})
            if config is not None:
                self.write(f"{model}/{i}_{kind}/config.json", config)
            if tensors:
                self.tensors(f"{model}/{i}_{kind}/model.safetensors", tensors)
        self.write(f"{model}/modules.json", rows)

    def run(self, base, model, line, outputs=None, **more):
        """`line` follows `hft`, with {m} for the model; outputs(path) asks the reference."""
        lay = f"cp -rn $SHARED/../golden/{base}/. {model}; " if base else ""
        run = {"shell": lay + "hft " + line.format(m=model), **more}
        if outputs:
            with tempfile.TemporaryDirectory() as folder:
                whole = Path(folder) / model
                if base:
                    shutil.copytree(ROOT / "golden" / base, whole)
                shutil.copytree(self.folder / model, whole, dirs_exist_ok=True)
                run["outputs"] = outputs(whole)
        self.runs.append(run)

    def done(self):
        lines = ",\n  ".join(dump(run) for run in self.runs)
        (self.folder / "case.json").write_text('{"why": ' + dump(self.why) + ',\n "runs": [\n  ' + lines + "]}\n")


def rounded(values):
    return [round(float(v), 7) for v in values]


def vectors(texts, **kwargs):
    def ask(path):
        model = SentenceTransformer(str(path), device="cpu", model_kwargs={"dtype": torch.float32})
        return [rounded(v) for v in model.encode(texts, batch_size=1, **kwargs)]
    return ask


def ranked(query, texts, prompt_name=None):
    def ask(path):
        model = SentenceTransformer(str(path), device="cpu")
        q = model.encode_query(query, prompt_name=prompt_name) if prompt_name else model.encode_query(query)
        scores = model.similarity(q, model.encode_document(texts))[0].tolist()
        return rounded(sorted(scores, reverse=True))
    return ask


QUOTED = " ".join(f"'{t}'" for t in TEXTS)
POOL = {"embedding_dimension": 32}


def prompts():
    case = Case("embed-sides", "--query ranked by cosine, with one prompt before TEXT and texts or none at all")
    for name, similarity in (("dot", "dot"), ("far", "euclidean"), ("city", "manhattan"), ("angle", "cosine")):
        case.modules(name, ("Pooling", {**POOL, "pooling_mode": "mean"}, None))
        case.write(f"{name}/config_sentence_transformers.json",
                   {"prompts": {"query": "Find: ", "document": "Text: ", "other": "Or: "}, "similarity_fn_name": similarity})
        case.run("bert-embed", name, "embed -m {m} --json --query 'a red boat' " + QUOTED, ranked("a red boat", TEXTS))
    case.run("bert-embed", "angle", "embed -m {m} --json --query 'a red boat' --prompt-name other " + QUOTED,
             ranked("a red boat", TEXTS, "other"))
    case.run("bert-embed", "angle", "embed -m {m} --json --prompt-name none x", exit=2,
             stderr="--prompt-name: the model has no prompt 'none'; it has: query, document, other")
    case.run("bert-embed", "angle", "embed -m {m} --json --document-prompt-name query x", exit=2,
             stderr="--document-prompt-name is for ranking by likeness: it needs --query TEXT")
    case.done()


def left_out():
    case = Case("embed-prompt-left-out", "include_prompt false was read past: the prompt's tokens were pooled")
    for mode in ("mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"):
        case.modules(mode, ("Pooling", {**POOL, "pooling_mode": mode, "include_prompt": False}, None))
        case.write(f"{mode}/config_sentence_transformers.json", {"prompts": {"query": "Find the sentence: "}})
        case.run("bert-embed", mode, "embed -m {m} --json --prompt-name query " + QUOTED,
                 vectors(TEXTS, prompt_name="query"))
    case.run("bert-embed", "mean", "embed -m {m} --json --prompt 'Count these: ' ok", vectors(["ok"], prompt="Count these: "))
    case.done()


def dense():
    case = Case("embed-dense-everywhere", "Dense read sentence vectors alone, and knew few activations")
    linear = lambda out, into, bias=True: {"linear.weight": torch.randn(out, into) * 0.4,
                                           **({"linear.bias": torch.randn(out)} if bias else {})}
    case.modules("early", ("Dense", {"in_features": 32, "out_features": 5, "bias": True,
                                     "activation_function": "torch.nn.modules.activation.ELU",
                                     "module_input_name": "token_embeddings"}, linear(5, 32)),
                 ("Pooling", {"word_embedding_dimension": 5, "pooling_mode_max_tokens": True, "pooling_mode_cls_token": True}, None),
                 ("Normalize", None, None),
                 ("Dense", {"in_features": 10, "out_features": 4, "bias": False,
                            "activation_function": "torch.nn.modules.activation.Softplus"}, linear(4, 10, False)))
    case.run("bert-embed", "early", "embed -m {m} --json " + QUOTED, vectors(TEXTS))
    case.modules("late", ("Pooling", {**POOL, "pooling_mode": "mean"}, None),
                 ("Dense", {"in_features": 32, "out_features": 4, "bias": True, "activation_function":
                            "torch.nn.modules.activation.PReLU"},
                  {**linear(4, 32), "activation_function.weight": torch.tensor([0.3])}),
                 ("LayerNorm", {"dimension": 4}, {"norm.weight": torch.randn(4), "norm.bias": torch.randn(4)}))
    case.run("bert-embed", "late", "embed -m {m} --json " + QUOTED, vectors(TEXTS))
    case.modules("foreign", ("Pooling", {**POOL, "pooling_mode": "mean"}, None),
                 ("Dense", {"in_features": 32, "out_features": 3, "bias": True, "activation_function": "custom.Act"},
                  linear(3, 32)))
    case.run("bert-embed", "foreign", "embed -m {m} --json ok", vectors(["ok"]),
             stderr="activation 'custom.Act' is Python code from elsewhere, which is never run; Tanh takes its place")
    case.modules("odd", ("Pooling", {**POOL, "pooling_mode": "mean"}, None),
                 ("WeightedLayerPooling", {}, None))
    case.run("bert-embed", "odd", "embed -m {m} ok", exit=6,
             stderr="module type 'sentence_transformers.models.WeightedLayerPooling' is not supported")
    case.write("code/modules.json", [{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}])
    case.run("bert-embed", "code", "embed -m {m} ok", exit=6,
             stderr="module type 'custom_st.Transformer' is Python code from the repository; hft never runs it")
    case.done()


def truncated():
    case = Case("embed-truncated", "truncate_dim was read past, and there was no flag for it")
    case.modules("cut", ("Pooling", {**POOL, "pooling_mode": "mean"}, None), ("Normalize", None, None))
    case.write("cut/config_sentence_transformers.json", {"truncate_dim": 6})
    case.run("bert-embed", "cut", "embed -m {m} --json " + QUOTED, vectors(TEXTS))
    case.run("bert-embed", "cut", "embed -m {m} --json --truncate-dim 3 --normalize " + QUOTED,
             vectors(TEXTS, truncate_dim=3, normalize_embeddings=True))
    case.run("bert-embed", "cut", "embed -m {m} --json --truncate-dim 99 ok", vectors(["ok"], truncate_dim=99))
    case.done()


def t5():
    case = Case("embed-t5", "T5 encoders (sentence-t5, gtr, instructor) were refused as encoder-decoders")
    size = json.loads((ROOT / "golden/t5-tied/config.json").read_text())["d_model"]
    case.modules("m", ("Pooling", {"embedding_dimension": size, "pooling_mode": "mean"}, None),
                 ("Dense", {"in_features": size, "out_features": 3, "bias": False,
                            "activation_function": "torch.nn.modules.linear.Identity"},
                  {"linear.weight": torch.randn(3, size)}), ("Normalize", None, None))
    case.run("t5-tied", "m", "embed -m {m} --dtype float32 --json " + QUOTED, vectors(TEXTS))
    case.done()


def static():
    case = Case("embed-static-table", "StaticEmbedding and model2vec had no config.json, so nothing was read")
    names = [json.loads((ROOT / "golden/bert-embed/tokenizer.json").read_text())]
    size = max(names[0]["model"]["vocab"].values()) + 1
    texts = TEXTS + [""]
    quoted = QUOTED + " ''"
    for model, path, kind, tensors in (
            ("old", "0_StaticEmbedding", ST + "StaticEmbedding", {"embedding.weight": torch.randn(size, 4).half().float()}),
            ("shared", ".", "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding",
             {"embeddings": torch.randn(7, 4), "mapping": torch.randint(0, 7, (size,)), "weights": torch.rand(size)})):
        case.write(f"{model}/modules.json", [{"idx": 0, "name": "0", "path": path, "type": kind},
                                             {"idx": 1, "name": "1", "path": "1_Normalize", "type": ST + "Normalize"}])
        case.write(f"{model}/{path}/tokenizer.json", names[0])
        case.tensors(f"{model}/{path}/model.safetensors", tensors)
        case.run(None, model, "embed -m {m} --json " + quoted, vectors(texts))
    case.run(None, "old", "embed -m {m} --pooling cls x", exit=2, stderr="--pooling cls: a StaticEmbedding takes the mean")
    case.done()


def layout():
    case = Case("embed-old-layout-and-case", "a Transformer in a folder of its own, sentence_roberta_config.json, do_lower_case, stripping")
    case.modules("m", ("Pooling", {**POOL, "pooling_mode": "mean"}, None))
    rows = json.loads((case.folder / "m/modules.json").read_text())
    rows[0]["path"] = "0_Transformer"
    case.write("m/modules.json", rows)
    case.write("m/0_Transformer/sentence_roberta_config.json", {"max_seq_length": 7, "do_lower_case": True})
    long = "A VERY long TEXT about the ferry, the tide and the clock"
    lay = "cp -n $SHARED/../golden/bert-embed/[!ms]* m/0_Transformer 2>/dev/null; cp $SHARED/../golden/bert-embed/model.safetensors m/0_Transformer; "

    def old(path):
        for file in (ROOT / "golden/bert-embed").iterdir():
            if file.is_file() and file.name not in ("modules.json", "sentence_bert_config.json"):
                shutil.copy(file, path / "0_Transformer")
        return vectors([long])(path)
    case.run(None, "m", f"embed -m {{m}} --json '{long}'", old)
    case.runs[-1]["shell"] = lay + case.runs[-1]["shell"]
    for model, version in (("new", "5.4.0"), ("past", "5.3.1")):
        size = json.loads((ROOT / "golden/qwen3-generate/config.json").read_text())["hidden_size"]
        case.modules(model, ("Pooling", {"embedding_dimension": size, "pooling_mode": "mean"}, None))
        case.write(f"{model}/sentence_bert_config.json", {"do_lower_case": True})
        case.write(f"{model}/config_sentence_transformers.json", {"__version__": {"sentence_transformers": version}})
        case.run("qwen3-generate", model, "embed -m {m} --json '  Red BOAT '",
                 vectors(["  Red BOAT "] if model == "new" else ["red boat"]))
    case.done()


def widen(changed):
    with torch.no_grad():
        for key, p in sorted(changed.named_parameters()):
            if "magnitude" in key:
                p.mul_(1 + 0.3 * torch.rand_like(p))
            elif "lora_" in key or "modules_to_save" in key:
                p.copy_(torch.randn_like(p) * 0.35)


def settle(case, name):
    """adapter_config.json of a saved adapter, whose base is `m`."""
    settings = json.loads((case.folder / name / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "m"
    for key in ("target_modules", "modules_to_save"):
        if isinstance(settings[key], list):
            settings[key].sort()
    case.write(f"{name}/adapter_config.json", settings)


def adapter_of(case, name, base, auto, config, **more):
    """Saves an adapter with wide weights that names the base `m`, and returns the changed model."""
    model = getattr(tf, auto).from_pretrained(ROOT / "golden" / base, dtype=torch.float32)
    changed = peft.get_peft_model(model, peft.LoraConfig(**config))
    widen(changed)
    changed.save_pretrained(case.folder / name, save_embedding_layers=False)
    (case.folder / name / "README.md").unlink()
    settle(case, name)
    return changed.eval()


def generated(model, base, text):
    tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / "golden" / base)
    ids = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        out = model.generate(input_ids=ids.input_ids, attention_mask=ids.attention_mask, do_sample=False, max_new_tokens=8,
                             pad_token_id=0)
    return [[{"generated_text": tokenizer.decode(out[0], skip_special_tokens=True)}]]


def adapters():
    case = Case("adapter-merged", "adapters were not read: the base model answered, or 'no config.json'")
    flags = "generate --no-do-sample --max-new-tokens 8 --json 'The ferry waits' "
    bases = {"llama-generate": [
        ("plain", {"r": 2, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj", "down_proj"],
                   "rank_pattern": {"layers.0.self_attn.q_proj": 1}, "alpha_pattern": {"v_proj": 3}}),
        ("stable", {"r": 3, "lora_alpha": 4, "use_rslora": True, "target_modules": r".*\.(k_proj|o_proj)", "bias": "none"}),
        ("dora", {"r": 2, "lora_alpha": 4, "use_dora": True, "target_modules": ["v_proj", "gate_proj"]}),
        ("table", {"r": 1, "lora_alpha": 1, "target_modules": ["embed_tokens", "v_proj"]}),
        ("head", {"r": 1, "lora_alpha": 2, "target_modules": ["lm_head", "v_proj"]})],
        "gpt2-generate": [
        ("conv", {"r": 2, "lora_alpha": 4, "target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True})]}
    for base, all_of in bases.items():
        for name, config in all_of:
            model = adapter_of(case, name, base, "AutoModelForCausalLM", {**config, "task_type": "CAUSAL_LM"})
            want = generated(model, base, "The ferry waits")
            ways = {"plain": f"-m {name}", "table": f"-m {name}", "conv": f"-m {name}"}
            run = f"hft {flags}{ways.get(name, f'-m m --adapter {name}')}"
            lay = f"cp -r $SHARED/../golden/{base} m" if name != "conv" else f"cp -rn $SHARED/../golden/{base}/. conv"
            case.runs.append({"shell": f"{lay}; {run}; rm -rf m", "outputs": want})
    model = adapter_of(case, "labels", "bert-embed", "AutoModelForSequenceClassification",
                       {"r": 1, "lora_alpha": 2, "target_modules": ["query", "word_embeddings"],
                        "modules_to_save": ["classifier", "pooler"], "task_type": "SEQ_CLS"})
    tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / "golden/bert-embed")
    with torch.no_grad():
        scores = model(**tokenizer("ok", return_tensors="pt")).logits.softmax(-1)[0].tolist()
    case.runs.append({"shell": "cp -r $SHARED/../golden/bert-embed m; hft classify -m labels --json --top-k all ok; rm -r m",
                      "outputs": [sorted(({"label": f"LABEL_{i}", "score": round(s, 7)} for i, s in enumerate(scores)),
                                         key=lambda x: -x["score"])]})
    case.write("ia3/adapter_config.json", {"peft_type": "IA3", "base_model_name_or_path": "m"})
    case.runs.append({"shell": "hft generate -m $SHARED/../golden/llama-generate --adapter ia3 x", "exit": 6,
                      "stderr": "adapter_config.json: peft_type 'IA3' is not supported, wanted LORA"})
    case.runs.append({"shell": "hft generate -m $SHARED/../golden/qwen3-generate --adapter conv x", "exit": 9,
                      "stderr": "the adapter fits no tensor of the model: 'transformer.h.0.attn.c_attn'"})
    case.runs.append({"shell": "HF_HUB_OFFLINE=1 hft generate -m plain x", "exit": 5,
                      "stderr": "base_model_name_or_path m: no such folder"})
    case.done()


def together():
    """Several adapters at once: set_adapter([...]), and add_weighted_adapter's exact combination."""
    case = Case("adapters-together", "adapters had no weights; of two that replace one tensor the later one won, unsaid")
    base = "llama-generate"
    model = tf.AutoModelForCausalLM.from_pretrained(ROOT / "golden" / base, dtype=torch.float32)
    kinds = {"tide": {"r": 2, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj"]},
             "clock": {"r": 3, "lora_alpha": 3, "use_rslora": True, "target_modules": ["v_proj", "down_proj"]}}
    changed = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **kinds["tide"]), adapter_name="tide")
    changed.add_adapter("clock", peft.LoraConfig(task_type="CAUSAL_LM", **kinds["clock"]))
    widen(changed)
    changed.eval().save_pretrained(case.folder / "both", save_embedding_layers=False)
    (case.folder / "both" / "README.md").unlink()
    for name in kinds:
        settle(case, f"both/{name}")
    lay, flags = f"cp -r $SHARED/../golden/{base} m; ", "generate --no-do-sample --max-new-tokens 8 --json 'The ferry waits'"
    two = "--adapter both/tide --adapter both/clock"
    changed.base_model.set_adapter(list(kinds))
    want = generated(changed, base, "The ferry waits")
    case.runs.append({"shell": f"{lay}hft {flags} -m m {two}; rm -rf m", "outputs": want})
    case.runs.append({"shell": f"{lay}hft convert m {two} -o merged; rm -rf m; hft {flags} -m merged; rm -r merged",
                      "outputs": want})
    changed.add_weighted_adapter(list(kinds), [0.7, -0.4], "mixed", combination_type="cat")
    changed.set_adapter("mixed")
    case.runs.append({"shell": f"{lay}hft {flags} -m m {two} --adapter-weights=0.7,-0.4; rm -rf m",
                      "outputs": generated(changed, base, "The ferry waits")})
    case.runs.append({"shell": f"hft generate -m $SHARED/../golden/{base} {two} --adapter-weights 1 x", "exit": 2,
                      "stderr": "--adapter-weights: has 1 number, wanted one for each of 2 adapters"})
    for name in ("first", "second"):
        adapter_of(case, name, "bert-embed", "AutoModelForSequenceClassification",
                   {"r": 1, "target_modules": ["query"], "modules_to_save": ["classifier"], "task_type": "SEQ_CLS"})
    case.runs.append({"shell": "hft classify -m $SHARED/../golden/bert-embed --adapter first --adapter second x", "exit": 2,
                      "stderr": "second: replaces 'classifier.bias' whole, as first does; wanted one such adapter"})
    case.done()


ALL = {f.__name__: f for f in (prompts, left_out, dense, truncated, t5, static, layout, adapters, together)}


def main():
    for each in ALL.values():
        each()
