//! Rules one by one, each with something that is refused and something beside it that is not.

use super::*;
