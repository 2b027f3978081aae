// In place of LibTorch's header of this name. Each header of an operator includes that one and uses
// nothing of it; the lists of IValues it brings along are instantiated anew in every file (1.3 s).
#pragma once
