// hft doc-qa: pages and questions in, answers out. Reference: DocumentQuestionAnsweringPipeline.
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/processors/processor_files.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/several/doc_qa_page.h"
#include "tasks/several/picture_text.h"

namespace hft {
namespace {

constexpr const char* kDocQaDefaultModel = "impira/layoutlm-document-qa";

struct DocQaOptions : PictureTextOptions {
  std::string question, lang, tesseract_config, word_boxes, save_images;
  PageQuestions page;
};

// A model that sees the page itself (Donut) takes the question as the beginning of its answer.
std::string task_prompt(const std::string& question) {
  return "<s_docvqa><s_question>" + question + "</s_question><s_answer>";
}

// Without its first mark, which names the task: from the first "<" to the ">" that closes it.
std::string without_first_mark(const std::string& text) {
  for (std::size_t begin = 0; (begin = text.find('<', begin)) != std::string::npos; ++begin) {
    const std::size_t end = text.find_first_of(">\n", begin);
    if (end != std::string::npos && text[end] == '>')
      return text.substr(0, begin) + text.substr(end + 1);
  }
  return text;
}

std::string without(std::string text, const std::string& part) {
  for (std::size_t at = 0; !part.empty() && (at = text.find(part, at)) != std::string::npos;)
    text.erase(at, part.size());
  return text;
}

// What stands between the marks of an answer, on one line; null where they are not there.
Json written_answer(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  constexpr std::string_view kBegin = "<s_answer>", kEnd = "</s_answer>";
  std::string text = tokenizer.decode(ids, false);
  for (const char* name : {"eos", "pad"})
    if (const auto id = tokenizer.special_id(name)) text = without(text, tokenizer.token(*id));
  text = unicode_trimmed(without_first_mark(text));
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos; ++at) {
    const std::size_t begin = at + kBegin.size();
    const std::string line = text.substr(begin, text.find('\n', begin) - begin);
    if (const auto end = line.rfind(kEnd); end != std::string::npos)
      return unicode_trimmed(line.substr(0, end));
  }
  return nullptr;
}

int answer_in_writing(const Flags& flags, DocQaOptions& o, const fs::path& folder,
                      const Fields& config) {
  for (const char* flag :
       {"--lang", "--tesseract-config", "--word-boxes", "--doc-stride", "--max-answer-len",
        "--max-seq-len", "--handle-impossible-answer", "--save-images"})
    if (flags.given(flag))
      fail(Errc::kUsage, flag, ": is for models that read the words of a page; ", folder.string(),
           " sees the page itself");
  if (config.object("encoder").text("model_type", "") != "donut-swin")
    fail_hint(Errc::kUnsupported, "hft caption", folder.string(),
              ": the model describes pictures, but takes no questions");
  o.input.columns.pop_back();  // word_boxes
  o.input.columns[0].optional = false;
  return run_picture_text_task(flags, o,
                               {.default_model = kDocQaDefaultModel,
                                .verb = "answering",
                                .field = "answer",
                                .asks = true,
                                .prompt = task_prompt,
                                .output = written_answer});
}

std::string draw(const Input& input, const Json& output) {
  std::string out = heading(input);
  for (const Json& a : output) {
    char score[32];
    std::snprintf(score, sizeof score, "  %.4f  ", a["score"].get<double>());
    out += score + escape_controls(a["answer"].get<std::string>()) + "\n";
  }
  return out;
}

std::shared_ptr<const PageWords> given_words(const std::string& file) {
  if (file.empty()) return nullptr;
  return with_context(file, [&] {
    return std::make_shared<const PageWords>(
        words_of_boxes(parse_json(read_file(file, limits::kLineBytes), "")));
  });
}

// Flags, else what the model's processor of pictures says of reading them.
media::OcrOptions reading_of(const DocQaOptions& o, const fs::path& folder) {
  std::string lang = o.lang, config = o.tesseract_config;
  if (const auto own = find_processor(folder, "image_processor");
      own && own->fields.boolean("apply_ocr", true)) {
    if (lang.empty()) lang = own->fields.text("ocr_lang", "");
    if (config.empty()) config = own->fields.text("tesseract_config", "");
  }
  return media::ocr_options(lang, config);
}

int answer_from_words(const Flags& flags, DocQaOptions& o, const fs::path& folder) {
  check_no_generation(o.generation, "finds its answers on the page");
  PageReader reader(reading_of(o, folder), given_words(o.word_boxes));
  const SavedFiles files("--save-images", o.save_images, o.output.force || o.output.resume);
  const TextTask task{.head = Head::kAnswer,
                      .default_model = kDocQaDefaultModel,
                      .verb = "answering",
                      .rendering = {.text = draw},
                      .setup =
                          [&](const TextContext& context) {
                            return page_questions(o.page, context, reader, files);
                          },
                      .pages = true};
  return run_text_task(flags, {o.model, o.input, o.output}, task);
}

int run_doc_qa(const Flags& flags, DocQaOptions& o) {
  if (!o.question.empty()) o.input.columns[1].fixed = o.question;
  const fs::path folder = model_folder(o.model, kDocQaDefaultModel);
  const Fields config = read_config(folder);
  return config.text("model_type", "") == "vision-encoder-decoder"
             ? answer_in_writing(flags, o, folder, config)
             : answer_from_words(flags, o, folder);
}

void add_page_options(Flags& flags, DocQaOptions& o) {
  constexpr const char* kGroup = "Page";
  flags.add("--lang", o.lang, "Languages that tesseract reads: eng, or eng+deu")
      .metavar("LANG")
      .group(kGroup);
  flags
      .add("--tesseract-config", o.tesseract_config,
           "Flags of the tesseract program: \"--psm 6 -c NAME=VALUE\"")
      .metavar("FLAGS")
      .group(kGroup);
  flags
      .add(
          "--word-boxes", o.word_boxes,
          "Words of the page in place of reading it: JSON [[word, [left, top, right, bottom]], …], "
          "0 to 1000")
      .metavar("FILE")
      .group(kGroup);
  flags
      .add("--doc-stride", o.page.doc_stride,
           "Tokens that neighbouring windows of a long page share")
      .metavar("N")
      .range(0, 1'000'000'000)
      .group(kGroup);
  flags.add("--max-answer-len", o.page.rules.max_answer_tokens, "Tokens of the longest answer")
      .metavar("N")
      .range(1, 1'000'000)
      .show_default()
      .group(kGroup);
  flags.add("--max-seq-len", o.page.max_seq_len, "Tokens of a window, question included")
      .metavar("N")
      .range(1, 1'000'000)
      .group(kGroup);
  flags.add("--handle-impossible-answer", o.page.rules.impossible, "An empty answer may win")
      .group(kGroup);
  flags
      .add("--save-images", o.save_images,
           "Write each page into DIR with its answers marked, as PNG")
      .metavar("DIR")
      .group(kGroup);
}

std::function<int()> declare_doc_qa(Flags& flags) {
  auto o = std::make_shared<DocQaOptions>();
  flags.footer(
      "Examples:\n"
      "  hft doc-qa --question \"What is the invoice number?\" invoice.png\n"
      "  hft doc-qa --question \"What is the total?\" --json contracts/ -o totals.jsonl\n"
      "  hft doc-qa --question \"Wer hat unterschrieben?\" --lang deu --save-images marked/ "
      "vertrag.pdf\n"
      "  hft doc-qa -i questions.jsonl --json   (columns image and question; word_boxes if known)\n"
      "  hft doc-qa -m naver-clova-ix/donut-base-finetuned-docvqa --question \"When?\" "
      "letter.jpg\n\n"
      "The words of a page are read by tesseract, once for all questions to it, unless they are\n"
      "given. Each page of a PDF document is an input of its own (poppler's pdftoppm draws them);\n"
      "\"report.pdf#page=3\" is one of them. start and end count words.");
  flags.add("--question", o->question, "The question, for every page").metavar("TEXT");
  flags.add("--top-k", o->page.rules.top_k, "Answers per question")
      .metavar("N")
      .range(1, 1'000'000)
      .show_default();
  add_page_options(flags, *o);
  add_picture_text_options(flags, *o,
                           {{.name = "image", .optional = true, .kind = Kind::kPage},
                            {.name = "question"},
                            {.name = "word_boxes", .optional = true, .kind = Kind::kList}},
                           true);
  return [o, flags] { return run_doc_qa(flags, *o); };
}

}  // namespace

extern const Command doc_qa_command{"doc-qa", "Pictures and text", "Answer questions about pages",
                                    declare_doc_qa};

}  // namespace hft
