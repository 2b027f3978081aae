#include "core/placement/device_map.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <set>

namespace hft {
namespace {

bool below(std::string_view name, std::string_view module) {
  return module.empty() ||
         (name.size() > module.size() && name.starts_with(module) && name[module.size()] == '.');
}

// A module, or a tensor where it has no children.
struct ModuleNode {
  std::string name;
  std::string kind;   // its path with N for numbers: layers of one list are of one kind
  bool whole = false;  // is not split
  bool tensor = false;
  std::int64_t bytes = 0;
  std::vector<const ModuleNode*> children;  // its own tensors first

  bool splits() const { return !whole && !leaf(); }
  // Has tensors alone.
  bool leaf() const { return children.empty() || children.back()->tensor; }
};

bool is_number(std::string_view part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
}

class ModuleTree {
 public:
  explicit ModuleTree(const ModelLayout& layout) {
    for (const auto& tensor : layout) add(tensor);
    for (auto& node : nodes_)
      std::ranges::stable_partition(node.children, [](const ModuleNode* c) { return c->tensor; });
  }
  const ModuleNode& root() const { return nodes_.front(); }
  const std::deque<ModuleNode>& all() const { return nodes_; }
  std::int64_t bytes_of(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? 0 : found->second->bytes;
  }

 private:
  void add(const ModelTensor& tensor) {
    ModuleNode* node = &nodes_.front();
    node->bytes += tensor.bytes;
    for (std::size_t end = 0; end != std::string::npos;) {
      end = tensor.name.find('.', node->name.empty() ? 0 : node->name.size() + 1);
      node = child(*node, tensor.name.substr(0, end));
      node->bytes += tensor.bytes;
    }
    node->tensor = true;
  }
  ModuleNode* child(ModuleNode& parent, const std::string& name) {
    ModuleNode*& node = by_name_[name];
    if (node) return node;
    node = &nodes_.emplace_back();
    node->name = name;
    const std::string part = name.substr(parent.name.empty() ? 0 : parent.name.size() + 1);
    const bool inside = parent.whole || parent.kind.find(".N") != std::string::npos;
    node->kind = (parent.kind.empty() ? "" : parent.kind + ".") + (is_number(part) ? "N" : part);
    node->whole = !inside && (is_number(part) || part == "embeddings");
    parent.children.push_back(node);
    return node;
  }

  std::deque<ModuleNode> nodes_{1};
  std::map<std::string, ModuleNode*> by_name_;
};

using Nodes = std::deque<const ModuleNode*>;

void put_before(Nodes& nodes, Nodes::const_iterator at, const ModuleNode& parent) {
  nodes.insert(at, parent.children.begin(), parent.children.end());
}

// The largest of the modules that are not split, and all that are as large.
struct Largest {
  std::int64_t bytes = 0;
  std::vector<std::string> names;

  explicit Largest(Nodes nodes, bool modules_alone = true) {
    if (modules_alone) std::erase_if(nodes, [](const ModuleNode* n) { return n->tensor; });
    while (!nodes.empty()) {
      const ModuleNode& node = *nodes.front();
      nodes.pop_front();
      if (node.splits()) {
        put_before(nodes, nodes.begin(), node);
        std::erase_if(nodes, [&](const ModuleNode* n) {
          return n->tensor && below(n->name, node.name);
        });
      } else if (node.bytes > bytes) {
        bytes = node.bytes;
        names = {node.name};
      } else if (node.bytes == bytes) {
        names.push_back(node.name);
      }
    }
  }
};

// Gives out devices in order. See infer_auto_device_map.
class Inference {
 public:
  Inference(const ModelLayout& layout, const DeviceMemories& memories)
      : tree_(layout), todo_(tree_.root().children.begin(), tree_.root().children.end()),
        largest_(todo_, false) {
    for (const auto& memory : memories) devices_.push_back({memory.device, memory.bytes});
    if (std::ranges::none_of(devices_, [](auto& d) { return d.name == "disk"; }))
      devices_.push_back({"disk", INFINITY});
    const bool gpus = is_gpu(devices_[0].name);
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      devices_[i].reserves = (gpus && i == 0) || devices_[i].name == "cpu";
      if (devices_[i].name == "disk") devices_[i].bytes = INFINITY;
    }
    for (const auto& tensor : layout)
      if (!tensor.tied_to.empty()) {
        auto& group = ties_[tensor.tied_to];
        group.insert(tensor.tied_to);
        group.insert(tensor.name);
      }
  }

  DeviceMap run() {
    while (!todo_.empty()) {
      const ModuleNode& module = *todo_.front();
      todo_.pop_front();
      forget_largest(module);
      Device& device = devices_[current_];
      const double room = device.bytes - (device.reserves ? largest_.bytes : 0);
      const Tied tied = tied_with(module);
      if (device.used + static_cast<double>(tied.bytes) <= room) {
        put(module, tied, device);
      } else if (!tied.modules.empty() && fits(device, module, room) && split_tied(module, tied)) {
        // The module comes again, beside parts of those it is tied to.
      } else if (!fits_exactly(device, module, room) && module.splits()) {
        put_before(todo_, todo_.begin(), module);
        largest_ = Largest(todo_);
      } else {
        if (device.reserves) device.used += static_cast<double>(largest_.bytes);
        ++current_;
        todo_.push_front(&module);
      }
    }
    return std::move(map_);
  }

 private:
  struct Device {
    std::string name;
    double bytes;
    double used = 0;
    bool reserves = false;  // room for the largest layer, which may come to it
  };
  struct Tied {
    std::int64_t bytes;  // of a module and those that it is tied to
    std::vector<const ModuleNode*> modules;
  };

  static bool fits(const Device& device, const ModuleNode& module, double room) {
    return device.used + static_cast<double>(module.bytes) <= room;
  }
  static bool fits_exactly(const Device& device, const ModuleNode& module, double room) {
    return device.used + static_cast<double>(module.bytes) < room;
  }

  void forget_largest(const ModuleNode& module) {
    std::erase_if(largest_.names,
                  [&](auto& n) { return n == module.name || below(n, module.name); });
    if (largest_.names.empty()) largest_ = Largest(todo_);
  }

  Tied tied_with(const ModuleNode& module) const {
    Tied tied{module.bytes, {}};
    const auto inside = [&](const std::string& name) {
      return name == module.name || below(name, module.name);
    };
    for (const auto& [first, group] : ties_) {
      if (std::ranges::none_of(group, inside)) continue;
      for (const auto& name : group) {
        if (inside(name)) continue;
        const auto other = std::ranges::find_if(
            todo_, [&](const ModuleNode* n) { return n->name == name || below(name, n->name); });
        if (other == todo_.end()) continue;
        tied.modules.push_back(*other);
        tied.bytes += (*other)->bytes - tree_.bytes_of(name);
      }
    }
    return tied;
  }

  void put(const ModuleNode& module, const Tied& tied, Device& device) {
    device.used += static_cast<double>(tied.bytes);
    map_.push_back({module.name, device.name});
    for (const ModuleNode* other : tied.modules) {
      if (std::erase(todo_, other) > 0) map_.push_back({other->name, device.name});
    }
  }

  bool split_tied(const ModuleNode& module, const Tied& tied) {
    for (const ModuleNode* other : tied.modules) {
      if (!other->splits()) continue;
      const auto at = std::ranges::find(todo_, other);
      put_before(todo_, todo_.erase(at), *other);
      todo_.push_front(&module);
      largest_ = Largest(todo_);
      return true;
    }
    return false;
  }

  ModuleTree tree_;
  Nodes todo_;
  Largest largest_;
  std::vector<Device> devices_;
  std::map<std::string, std::set<std::string>> ties_;  // by the name all of a group are tied to
  std::size_t current_ = 0;
  DeviceMap map_;
};

// Modules whose parts are all on one device become one entry (clean_device_map).
void join(DeviceMap& map, const std::string& module) {
  std::set<std::string> devices, children;
  std::size_t count = 0;
  for (const auto& entry : map) {
    if (!below(entry.module, module)) continue;
    ++count;
    devices.insert(entry.device);
    children.insert(entry.module.substr(
        0, entry.module.find('.', module.empty() ? 0 : module.size() + 1)));
  }
  if (devices.size() == 1 && count > 1) {
    const auto first = std::ranges::find_if(map, [&](auto& e) { return below(e.module, module); });
    first->module = module;
    std::erase_if(map, [&](const MapEntry& e) { return !(e.module == module) && below(e.module, module); });
    return;
  }
  for (const auto& child : children)
    if (child != module) join(map, child);
}

}  // namespace

DeviceMap infer_device_map(const ModelLayout& layout, const DeviceMemories& memories) {
  DeviceMap map = Inference(layout, memories).run();
  join(map, "");
  return map;
}

DeviceMemories balanced_memories(const ModelLayout& layout, DeviceMemories memories, bool low_zero,
                                 bool given) {
  std::vector<DeviceMemory*> gpus;
  for (auto& memory : memories)
    if (is_gpu(memory.device) && memory.bytes > 0) gpus.push_back(&memory);
  if (gpus.empty()) return memories;
  if (gpus.size() == 1) {
    low_zero = false;
    if (!given) gpus[0]->bytes *= 0.9;
  }
  const ModuleTree tree(layout);
  const auto count = static_cast<std::int64_t>(gpus.size());
  const std::int64_t all = tree.root().bytes;
  std::int64_t whole = 0, leaves = 0, of_leaves = 0;
  std::set<std::string> kinds;
  for (const auto& node : tree.all()) {
    if (node.whole && kinds.insert(node.kind).second) whole = std::max(whole, node.bytes);
    if (node.tensor || !node.leaf() || node.bytes == 0) continue;
    ++leaves;
    of_leaves += node.bytes;
  }
  const std::int64_t mean = of_leaves / std::max<std::int64_t>(1, leaves);
  // Each gets a little less than its share of whole layers, and the last would get too much.
  const auto buffer = static_cast<std::int64_t>(1.25 * static_cast<double>(std::max(whole, mean)));
  const auto share = static_cast<double>(all / (low_zero ? count - 1 : count) + buffer);
  for (std::size_t i = 0; i + 1 < gpus.size(); ++i)
    if (!(low_zero && gpus[i]->device == "0")) gpus[i]->bytes = std::min(share, gpus[i]->bytes);
  if (low_zero) {
    double others = 0;
    for (std::size_t i = 1; i < gpus.size(); ++i) others += gpus[i]->bytes;
    gpus[0]->bytes = std::min(std::max(0.0, static_cast<double>(all) - others), gpus[0]->bytes);
  }
  return memories;
}

const MapEntry* entry_of(const DeviceMap& map, std::string_view name, std::string_view other) {
  const auto inside = [](std::string_view tensor, const std::string& module) {
    return !tensor.empty() && (tensor == module || below(tensor, module));
  };
  const MapEntry* found = nullptr;
  for (const auto& entry : map)
    if ((inside(name, entry.module) || inside(other, entry.module)) &&
        (!found || entry.module.size() > found->module.size()))
      found = &entry;
  return found;
}

std::vector<std::string> uncovered(const DeviceMap& map, const ModelLayout& layout) {
  std::vector<std::string> names;
  for (const auto& tensor : layout)
    if (!entry_of(map, tensor.name, tensor.also)) names.push_back(tensor.name);
  return names;
}

}  // namespace hft
