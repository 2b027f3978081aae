#include "core/tokenizers/tokenizer_class.h"

#include <sstream>

namespace hft {
namespace {

constexpr std::string_view kBertTokens = "unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]";
constexpr std::string_view kRobertaTokens =
    "bos/-n=<s> eos/-n=</s> unk/-n=<unk> sep/-n=</s> pad/-n=<pad> cls/-n=<s> mask/RR=<mask>";
constexpr std::string_view kBartTokens =
    "bos/-n=<s> eos/-n=</s> unk/-n=<unk> sep/-n=</s> pad/-n=<pad> cls/-n=<s> mask/NN=<mask>";
constexpr std::string_view kXlmrTokens =
    "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask/NR=<mask>";
constexpr std::string_view kGptTokens =
    "bos/-n=<|endoftext|> eos/-n=<|endoftext|> unk/-n=<|endoftext|>";
constexpr std::string_view kGptRawTokens =
    "bos/rr=<|endoftext|> eos/rr=<|endoftext|> unk/rr=<|endoftext|>";
constexpr std::string_view kAlbertTokens =
    "bos=[CLS] eos=[SEP] unk=<unk> sep=[SEP] pad=<pad> cls=[CLS] mask/RR=[MASK]";

constexpr std::string_view kFairseqTokens =
    "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>";

// Model types whose classes have files of their own that hft does not read.
constexpr std::string_view kUnread[][2] = {
    {"bartpho", "Bartpho"}, {"bert-generation", "BertGeneration"},
    {"blenderbot-small", "BlenderbotSmall"}, {"canine", "Canine"}, {"clvp", "Clvp"}, {"cpm", "Cpm"},
    {"cpmant", "CpmAnt"}, {"dia", "Dia"}, {"ernie_m", "ErnieM"},
    {"fastspeech2_conformer", "FastSpeech2Conformer"}, {"flaubert", "Flaubert"}, {"fsmt", "FSMT"},
    {"gpt_neox_japanese", "GPTNeoXJapanese"}, {"markuplm", "MarkupLM"}, {"mgp-str", "Mgpstr"},
    {"mluke", "MLuke"}, {"myt5", "MyT5"}, {"parakeet", "ParakeetCTC"}, {"perceiver", "Perceiver"},
    {"plbart", "PLBart"}, {"prophetnet", "ProphetNet"}, {"rag", "Rag"}, {"realm", "Realm"},
    {"retribert", "RetriBert"}, {"roc_bert", "RoCBert"}, {"roformer", "RoFormer"},
    {"seamless_m4t", "SeamlessM4T"}, {"seamless_m4t_v2", "SeamlessM4T"}, {"siglip", "Siglip"},
    {"speech_to_text", "Speech2Text"}, {"speecht5", "SpeechT5"}, {"tapas", "Tapas"},
    {"tapex", "Tapex"}, {"transfo-xl", "TransfoXL"}, {"vits", "Vits"},
    {"xlm-prophetnet", "XLMProphetNet"},
};

constexpr TokenizerClass kClasses[] = {
    // vocab.txt
    {"Bert DPRQuestionEncoder DPRContextEncoder DPRReader Electra MobileBert ConvBert SqueezeBert "
     "Lxmert LayoutLM",
     "align bark bert blip bros chinese_clip convbert dpr electra ernie git grounding-dino "
     "layoutlm "
     "lxmert megatron-bert mm-grounding-dino mobilebert nezha qdqbert squeezebert tvp vilt "
     "visual_bert",
     Recipe::kBert, Change::kBert, true, true, kBertTokens},
    {"DistilBert", "distilbert", Recipe::kBert, Change::kBert, false, true, kBertTokens},
    {"LayoutLMv2", "layoutlmv2", Recipe::kBert, Change::kCase, true, false,
     "unk/-r=[UNK] sep/-r=[SEP] pad/-r=[PAD] cls/-r=[CLS] mask/-r=[MASK]"},
    {"Splinter", "splinter", Recipe::kBert, Change::kCase, true, false, kBertTokens},
    {"MPNet", "mpnet", Recipe::kBert, Change::kCase, false, true,
     "bos/nr=<s> eos/nr=</s> unk/nr=[UNK] sep/nr=</s> pad/nr=<pad> cls/nr=<s> mask/NR=<mask>"},
    {"Funnel", "funnel", Recipe::kBert, Change::kBert, true, true,
     "bos=<s> eos=</s> unk=<unk> sep=<sep> pad=<pad> cls=<cls> mask=<mask>"},
    // vocab.json and merges.txt
    {"Roberta Longformer",
     "bridgetower clap data2vec-text ibert longformer mega mra roberta roberta-prelayernorm",
     Recipe::kByteBpe, Change::kOffsets, false, false, kRobertaTokens},
    {"Blenderbot", "blenderbot", Recipe::kByteBpe, Change::kOffsets, false, false, kRobertaTokens},
    {"Bart LED", "bart led", Recipe::kByteBpe, Change::kOffsets, false, false, kBartTokens},
    {"Mvp", "mvp", Recipe::kByteBpe, Change::kOffsets, false, false,
     "bos/nr=<s> eos/nr=</s> unk/nr=<unk> sep/nr=</s> pad/nr=<pad> cls/nr=<s> mask/NR=<mask>"},
    {"LayoutLMv3", "layoutlmv3 lilt", Recipe::kByteBpe, Change::kOffsets, false, false,
     "bos/-n=<s> eos/-n=</s> unk/-n=<unk> sep/-n=</s> pad/-n=<pad> cls/-n=<s> mask/-N=<mask>"},
    {"Deberta", "deberta", Recipe::kByteBpe, Change::kNone, true, false,
     "bos/-r=[CLS] eos/-r=[SEP] unk/-r=[UNK] sep/-r=[SEP] pad/-r=[PAD] cls/-r=[CLS] "
     "mask/-N=[MASK]"},
    {"GPT2",
     "blip-2 dbrx emu3 exaone4 flex_olmo gpt2 gpt_bigcode gpt_neo gptj granite granitemoe "
     "granitemoehybrid granitemoeshared instructblip instructblipvideo minimax olmo3 opt "
     "starcoder2",
     Recipe::kByteBpe, Change::kNone, false, false, kGptTokens},
    {"CodeGen", "codegen phi", Recipe::kByteBpe, Change::kNone, false, false,
     "bos/-r=<|endoftext|> eos/-r=<|endoftext|> unk/-r=<|endoftext|>"},
    {"Whisper", "whisper", Recipe::kByteBpe, Change::kNone, false, false, kGptRawTokens},
    {"Qwen2",
     "colqwen2 internvl qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 "
     "qwen3_moe "
     "qwen3_next qwen3_omni_moe qwen3_vl qwen3_vl_moe",
     Recipe::kQwen, Change::kNone, false, false,
     "unk/rr=<|endoftext|> eos/rr=<|endoftext|> pad/rr=<|endoftext|>"},
    {"CLIP", "aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit xclip", Recipe::kClip,
     Change::kNone, false, false,
     "bos/-n=<|startoftext|> eos/-n=<|endoftext|> unk/-n=<|endoftext|> pad=<|endoftext|>"},
    {"OpenAIGPT", "openai-gpt", Recipe::kOpenAiGpt, Change::kNone, false, false, "unk=<unk>"},
    {"Herbert", "herbert", Recipe::kHerbert, Change::kNone, true, false,
     "unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>"},
    // tokenizer.json alone
    {"GPTNeoX", "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmo2 olmoe rwkv stablelm xlstm",
     Recipe::kNone, Change::kBosEos, false, false,
     "bos=<|endoftext|> eos=<|endoftext|> unk=<|endoftext|>"},
    {"Bloom", "bloom", Recipe::kNone, Change::kPrefix, false, false,
     "bos=<s> eos=</s> unk=<unk> pad=<pad>"},
    {"Cohere", "aya_vision cohere cohere2", Recipe::kNone, Change::kBosEos, false, false,
     "bos=<BOS_TOKEN> eos=<|END_OF_TURN_TOKEN|> unk=<UNK>"},
    {"PreTrained TokenizersBackend",
     "bitnet blt csm falcon glm glm4 glm4_moe glm4v glm4v_moe gpt_oss helium kosmos-2.5 modernbert "
     "moonshine moshi nemotron smollm3",
     Recipe::kNone, Change::kNone, true, false, ""},
    // a SentencePiece model
    {"Llama",
     "arcee aria chameleon colpali deepseek_v2 deepseek_v3 deepseek_vl deepseek_vl_hybrid "
     "diffllama "
     "ernie4_5 ernie4_5_moe idefics idefics2 idefics3 jamba janus jetmoe llama llama4 llama4_text "
     "llava llava_next llava_next_video llava_onevision ministral mistral mistral3 mixtral mllama "
     "paligemma persimmon phi3 phimoe pixtral video_llava vipllava voxtral zamba zamba2",
     Recipe::kSpm, Change::kBosEos, false, false, "bos/-r=<s> eos/-r=</s> unk/-r=<unk>"},
    {"CodeLlama", "code_llama", Recipe::kSpm, Change::kBosEos, false, false,
     "bos/-r=<s> eos/-r=</s> unk/-r=<unk>"},
    {"Gemma",
     "gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 siglip2 "
     "t5gemma",
     Recipe::kSpm, Change::kBosEos, false, false,
     "bos/-r=<bos> eos/-r=<eos> unk/-r=<unk> pad/-r=<pad>"},
    {"XLMRoberta", "kosmos-2 metaclip_2 xlm-roberta xlm-roberta-xl xmod", Recipe::kSpm,
     Change::kNone, false, false, kXlmrTokens},
    {"LayoutXLM", "layoutxlm", Recipe::kSpm, Change::kNone, false, false, kXlmrTokens},
    {"Camembert", "camembert", Recipe::kSpm, Change::kNone, false, false,
     "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask/RR=<mask>"},
    {"Barthez", "barthez", Recipe::kSpm, Change::kNone, false, false, kXlmrTokens},
    {"MBart", "mbart", Recipe::kSpm, Change::kLangAfter, false, false, kXlmrTokens},
    {"MBart50", "mbart50", Recipe::kSpm, Change::kLangBefore, false, false,
     "eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask/NN=<mask>"},
    {"Nllb", "nllb nllb-moe", Recipe::kSpm, Change::kLangBefore, false, false,
     "bos/-r=<s> eos/-r=</s> unk/-r=<unk> sep=</s> pad/-r=<pad> cls=<s> mask/NN=<mask>"},
    {"XGLM", "xglm", Recipe::kSpm, Change::kNone, false, false,
     "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s>"},
    {"Albert", "albert nystromformer yoso", Recipe::kSpm, Change::kNone, true, false,
     kAlbertTokens},
    {"FNet", "fnet", Recipe::kSpm, Change::kNone, true, false,
     "unk=<unk> sep/nr=[SEP] pad=<pad> cls/nr=[CLS] mask/NR=[MASK]"},
    {"RemBert", "rembert", Recipe::kSpm, Change::kNone, true, false,
     "bos=[CLS] eos=[SEP] unk=<unk>|[UNK] sep=[SEP] pad=<pad>|[PAD] cls=[CLS] mask/NN=[MASK]"},
    {"BigBird", "big_bird", Recipe::kSpm, Change::kNone, false, false,
     "bos/nn=<s> eos/nn=</s> unk/nn=<unk> sep/nn=[SEP] pad/nn=<pad> cls/nn=[CLS] mask/NN=[MASK]"},
    {"XLNet", "xlnet", Recipe::kSpm, Change::kNone, true, false,
     "bos=<s> eos=</s> unk=<unk> sep=<sep> pad=<pad> cls=<cls> mask/NR=<mask>"},
    {"DebertaV2", "deberta-v2", Recipe::kSpm, Change::kNone, true, false,
     "bos=[CLS] eos=[SEP] unk/-n=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]"},
    {"T5 MT5", "longt5 mt5 musicgen musicgen_melody pix2struct switch_transformers t5 umt5",
     Recipe::kSpm, Change::kNone, false, false, "eos/-r=</s> unk/-r=<unk> pad/-r=<pad>"},
    {"Siglip", "siglip", Recipe::kSpm, Change::kNone, false, false,
     "eos/-B=</s> unk/-B=<unk> pad/-B=</s>"},
    {"Udop", "udop", Recipe::kSpm, Change::kNone, false, false,
     "eos/-r=</s> unk/-r=<unk> sep/-r=</s> pad/-r=<pad>"},
    {"Pegasus", "bigbird_pegasus pegasus pegasus_x", Recipe::kSpm, Change::kNone, false, false,
     "eos=</s> unk=<unk> pad=<pad> mask=<mask_2>"},
    {"Reformer", "reformer", Recipe::kSpm, Change::kNone, false, false, "eos=</s> unk=<unk>"},
    // no fast class
    {"Marian", "marian", Recipe::kMarian, Change::kNone, false, false,
     "eos=</s> unk=<unk> pad=<pad>"},
    {"M2M100", "m2m_100", Recipe::kM2M100, Change::kNone, false, false,
     "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad>"},
    {"Luke", "luke", Recipe::kByteBpe, Change::kNone, true, false,
     "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask/-R=<mask>"},
    {"GPTSw3", "gpt-sw3", Recipe::kGptSw3, Change::kNone, false, false,
     "bos=<s> eos=<|endoftext|> unk=<unk> pad=<pad>"},
    {"Bertweet", "bertweet", Recipe::kWords, Change::kNone, true, false, kFairseqTokens},
    {"Phobert", "phobert", Recipe::kWords, Change::kNone, true, false, kFairseqTokens},
    {"CTRL", "ctrl", Recipe::kWords, Change::kNone, true, false, "unk=<unk>"},
    {"XLM", "xlm", Recipe::kWords, Change::kNone, true, false,
     "bos=<s> unk=<unk> sep=</s> pad=<pad> cls=</s> mask=<special1>"},
    {"BioGpt", "biogpt", Recipe::kWords, Change::kNone, false, false,
     "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad>"},
    {"Esm", "esm", Recipe::kWords, Change::kNone, false, false,
     "eos=<eos> unk=<unk> pad=<pad> cls=<cls> mask=<mask>"},
    {"BertJapanese", "bert-japanese", Recipe::kWords, Change::kNone, true, false, kBertTokens},
    {"ByT5", "byt5", Recipe::kWords, Change::kNone, false, false,
     "eos/-B=</s> unk/-B=<unk> pad/-B=<pad>"},
    {"Wav2Vec2CTC", "data2vec-audio hubert wav2vec2 wav2vec2-bert wav2vec2-conformer",
     Recipe::kCharacter, Change::kNone, false, false, "bos=<s> eos=</s> unk=<unk> pad=<pad>"},
};

bool lists(std::string_view words, std::string_view word) {
  std::istringstream in{std::string(words)};
  for (std::string each; in >> each;)
    if (each == word) return true;
  return false;
}

}  // namespace

const TokenizerClass* find_tokenizer_class(std::string_view name, std::string_view model_type) {
  if (name.ends_with("Fast")) name.remove_suffix(4);
  if (name.ends_with("Tokenizer")) name.remove_suffix(9);
  for (const auto& row : kClasses)
    if (!name.empty() ? lists(row.names, name) : lists(row.model_types, model_type)) return &row;
  return nullptr;
}

bool has_fast_twin(const TokenizerClass& row) {
  switch (row.recipe) {
    case Recipe::kMarian:
    case Recipe::kM2M100:
    case Recipe::kCharacter:
    case Recipe::kWords:
    case Recipe::kGptSw3:
      return false;
    default:
      return row.name() != "Luke" && row.name() != "Siglip";
  }
}

std::vector<std::string> own_files_of(const TokenizerClass& row) {
  const std::string_view name = row.name();
  switch (row.recipe) {
    case Recipe::kBert:
      return {"vocab.txt"};
    case Recipe::kMarian:
      return {"vocab.json", "source.spm", "target.spm"};
    case Recipe::kM2M100:
      return {"vocab.json", "sentencepiece.bpe.model"};
    case Recipe::kCharacter:
      return {"vocab.json"};
    case Recipe::kGptSw3:
      return {"spiece.model"};
    case Recipe::kWords:
      if (name == "ByT5") return {};
      if (name == "Esm" || name == "BertJapanese") return {"vocab.txt"};
      if (name == "Bertweet" || name == "Phobert") return {"vocab.txt", "bpe.codes"};
      return {"vocab.json", "merges.txt"};
    default:
      return {"vocab.json", "merges.txt"};
  }
}

std::string class_of_unread(std::string_view model_type) {
  for (const auto& [type, name] : kUnread)
    if (type == model_type) return std::string(name) + "Tokenizer";
  return "";
}

std::string readable_classes() {
  std::string all;
  for (const auto& row : kClasses)
    if (row.recipe != Recipe::kNone) all += (all.empty() ? "" : ", ") + std::string(row.name());
  return all;
}

std::vector<DefaultToken> default_specials(const TokenizerClass& row) {
  std::vector<DefaultToken> all;
  std::istringstream in{std::string(row.specials)};
  for (std::string word; in >> word;) {
    const std::size_t equals = word.find('='), slash = word.find('/');
    DefaultToken token{word.substr(0, std::min(equals, slash)), word.substr(equals + 1)};
    if (slash < equals) token.fast = word[slash + 1], token.slow = word[slash + 2];
    token.own_files = token.content;
    // "<|…|>" has bars of its own, so only one before "[" counts.
    if (const std::size_t bar = token.content.find("|["); bar != std::string::npos) {
      token.own_files = token.content.substr(bar + 1);
      token.content.resize(bar);
    }
    all.push_back(std::move(token));
  }
  return all;
}

}  // namespace hft
