"""A reference of NomicBERT as its checkpoints of 2024 have it, whose own code lies in their repositories alone: the paper
(arXiv:2402.01613), RoFormer's rotary positions (arXiv:2104.09864), gated feed-forwards (arXiv:2002.05202), and the
fields of config.json. Reads one text at a time; NativeNomicBert of transformers 5 serves as the check on it (v5-nomic)."""
import torch
import transformers as tf
from torch import nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, SequenceClassifierOutput

GATES = {"swiglu": F.silu, "geglu": F.gelu, "glu": torch.sigmoid}


class NomicBertConfig(tf.GPT2Config):
    model_type = "nomic_bert"

    def __init__(self, qkv_proj_bias=True, mlp_fc1_bias=True, mlp_fc2_bias=True, rotary_emb_base=10000, rotary_emb_fraction=1.0,
                 rotary_emb_interleaved=False, rotary_scaling_factor=None, max_trained_positions=2048, type_vocab_size=2,
                 pad_vocab_size_multiple=1, prenorm=False, use_rms_norm=False, **more):
        super().__init__(**more)
        fields = {k: v for k, v in locals().items() if k not in ("self", "more", "__class__")}
        for name, value in fields.items():
            setattr(self, name, value)


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        vocab = -(-c.vocab_size // c.pad_vocab_size_multiple) * c.pad_vocab_size_multiple
        self.word_embeddings = nn.Embedding(vocab, c.n_embd)
        self.token_type_embeddings = nn.Embedding(c.type_vocab_size, c.n_embd)

    def forward(self, ids, types):
        return self.word_embeddings(ids) + self.token_type_embeddings(torch.zeros_like(ids) if types is None else types)


def rotated(x, c):
    """x [B,T,H,E], of which the first numbers turn: pairs that lie half of them apart, or side by side."""
    size, length = int(x.shape[-1] * c.rotary_emb_fraction), x.shape[1]
    base = float(c.rotary_emb_base)
    if c.rotary_scaling_factor and length > c.max_trained_positions:
        stretched = c.rotary_scaling_factor * length / c.max_trained_positions - (c.rotary_scaling_factor - 1)
        base *= stretched ** (size / (size - 2))
    frequencies = base ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
    angle = (torch.arange(length, dtype=torch.float32)[:, None] * frequencies)[None, :, None]  # [1,T,1,size/2]
    turning, rest = x[..., :size], x[..., size:]
    a, b = (turning[..., ::2], turning[..., 1::2]) if c.rotary_emb_interleaved else turning.chunk(2, -1)
    pair = a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()
    turned = torch.stack(pair, -1).flatten(-2) if c.rotary_emb_interleaved else torch.cat(pair, -1)
    return torch.cat([turned, rest], -1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.Wqkv = nn.Linear(c.n_embd, 3 * c.n_embd, bias=c.qkv_proj_bias)
        self.out_proj = nn.Linear(c.n_embd, c.n_embd, bias=c.qkv_proj_bias)

    def forward(self, x):
        q, k, v = self.Wqkv(x).view(*x.shape[:2], 3, self.c.n_head, -1).unbind(2)  # [B,T,H,E]
        q, k = rotated(q, self.c), rotated(k, self.c)
        mixed = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)))
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate = GATES.get(c.activation_function)
        inner = c.n_inner or (8 * c.n_embd // 3 if self.gate else 4 * c.n_embd)
        if self.gate:
            inner = -(-inner // 256) * 256
            self.fc11 = nn.Linear(c.n_embd, inner, bias=c.mlp_fc1_bias)
            self.fc12 = nn.Linear(c.n_embd, inner, bias=c.mlp_fc1_bias)
        else:
            self.fc1 = nn.Linear(c.n_embd, inner, bias=c.mlp_fc1_bias)
        self.fc2 = nn.Linear(inner, c.n_embd, bias=c.mlp_fc2_bias)

    def forward(self, x):
        return self.fc2(self.fc11(x) * self.gate(self.fc12(x)) if self.gate else F.gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attn, self.mlp = Attention(c), Mlp(c)
        self.norm1, self.norm2 = (nn.LayerNorm(c.n_embd, eps=c.layer_norm_epsilon) for _ in range(2))

    def forward(self, x):
        x = self.norm1(x + self.attn(x))
        return self.norm2(x + self.mlp(x))


class NomicBertPreTrainedModel(tf.PreTrainedModel):
    config_class = NomicBertConfig
    base_model_prefix = "bert"


class NomicBertModel(NomicBertPreTrainedModel):
    def __init__(self, c, pooled=False):
        super().__init__(c)
        self.embeddings = Embeddings(c)
        self.emb_ln = nn.LayerNorm(c.n_embd, eps=c.layer_norm_epsilon)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(Layer(c) for _ in range(c.n_layer))})
        if pooled:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(c.n_embd, c.n_embd)})

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, **_):
        x = self.emb_ln(self.embeddings(input_ids, token_type_ids))
        for layer in self.encoder["layers"]:
            x = layer(x)
        return BaseModelOutput(last_hidden_state=x)


class NomicBertForPreTraining(NomicBertPreTrainedModel):
    _tied_weights_keys = ["cls.predictions.decoder.weight"]

    def __init__(self, c):
        super().__init__(c)
        self.bert = NomicBertModel(c)
        transform = nn.ModuleDict({"dense": nn.Linear(c.n_embd, c.n_embd, bias=c.mlp_fc1_bias),
                                   "layer_norm": nn.LayerNorm(c.n_embd, eps=c.layer_norm_epsilon)})
        vocab = self.bert.embeddings.word_embeddings.weight.shape[0]
        decoder = nn.Linear(c.n_embd, vocab, bias=c.mlp_fc1_bias)
        self.cls = nn.ModuleDict({"predictions": nn.ModuleDict({"transform": transform, "decoder": decoder})})

    def get_output_embeddings(self):
        return self.cls["predictions"]["decoder"]

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, **_):
        head = self.cls["predictions"]
        act = F.silu if self.config.activation_function == "swiglu" else F.gelu
        x = self.bert(input_ids, token_type_ids=token_type_ids).last_hidden_state
        return MaskedLMOutput(logits=head["decoder"](head["transform"]["layer_norm"](act(head["transform"]["dense"](x)))))


class NomicBertForSequenceClassification(NomicBertPreTrainedModel):
    def __init__(self, c):
        super().__init__(c)
        self.bert = NomicBertModel(c, pooled=True)
        self.classifier = nn.Linear(c.n_embd, c.num_labels)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, **_):
        x = self.bert(input_ids, token_type_ids=token_type_ids).last_hidden_state
        return SequenceClassifierOutput(logits=self.classifier(self.bert.pooler["dense"](x[:, 0]).tanh()))


def register():
    """Makes the classes known to transformers 4, which has none of this model_type."""
    tf.AutoConfig.register("nomic_bert", NomicBertConfig)
    for auto, cls in ((tf.AutoModel, NomicBertModel), (tf.AutoModelForMaskedLM, NomicBertForPreTraining),
                      (tf.AutoModelForSequenceClassification, NomicBertForSequenceClassification)):
        auto.register(NomicBertConfig, cls)
        setattr(tf, cls.__name__, cls)
