//! Options of gcc's that clang does not know and that change nothing in what is compiled: how hard
//! to optimise and in which order, what to report, what to remember.
//!
//! clang refuses an option that it does not know where gcc takes it, and build systems that were
//! written for gcc do not ask first. Only options are listed here whose absence no program notices:
//! those that mean something (`-fgnu-tm`, `-fcond-mismatch`) are left to clang to refuse. What clang
//! takes and ignores with a warning (`-fno-gcse`) is not listed.
//!
//! Source: GCC 14's manual, "Option Summary", each tried with clang 20.

mod gcc;

use gcc::{IGNORED_FAMILIES, IGNORED_FEATURES, WARNINGS};

/// Options with a value in an argument of its own that are passed on as they are.
pub(super) const SEPARATE: [&str; 26] = [
    "-D",
    "-U",
    "-I",
    "-F",
    "-G",
    "-A",
    "-isystem",
    "-idirafter",
    "-iquote",
    "-include",
    "-imacros",
    "-iprefix",
    "-iwithprefix",
    "-iwithprefixbefore",
    "-iwithsysroot",
    "-cxx-isystem",
    "-include-pch",
    "-Xclang",
    "-Xassembler",
    "-Xanalyzer",
    "-mllvm",
    "-arch",
    "-framework",
    "-working-directory",
    "-ivfsoverlay",
    "-dependency-file",
];

/// Options with a value in an argument of its own that are left out.
pub(super) const SEPARATE_IGNORED: [&str; 8] = [
    "--param",
    "-B",
    "-aux-info",
    "-dumpdir",
    "-dumpbase",
    "-dumpbase-ext",
    "-imultilib",
    "-imultiarch",
];

/// Options that are left out.
const IGNORED: [&str; 25] = [
    "-Q",
    "-fuse-linker-plugin",
    "-fno-use-linker-plugin",
    "-mno-fix-cortex-a53-843419",
    "-no-canonical-prefixes",
    "-no-integrated-cpp",
    "-pass-exit-codes",
    "-pipe",
    "-pthreads",
    "-remap",
    "-shared-libgcc",
    "-time",
    // These say what is the case on the platforms where they exist.
    "-mexplicit-relocs",
    "-mhard-float",
    "-mno-pointers-to-nested-functions",
    "-mpc-relative-literal-loads",
    "-mplt",
    "-mshared",
    "-mthumb-interwork",
    "-mzarch",
    "-mdiv",
    // clang's own way for these is the same, only that it has no option for it.
    "-fno-leading-underscore",
    "-fno-strict-volatile-bitfields",
    "-mno-low-precision-recip-sqrt",
    "-mno-sched-prolog",
];

/// Options that are left out with whatever follows in the same argument.
const IGNORED_PREFIXES: [&str; 27] = [
    "--param=",
    "-B",
    "-dumpbase=",
    "-dumpdir=",
    "-fabi-compat-version=",
    "-fabi-version=",
    "-fconstexpr-loop-limit=",
    "-fconstexpr-ops-limit=",
    "-fdiagnostics-urls",
    "-fdiagnostics-path-format=",
    "-fdiagnostics-text-art-charset=",
    "-fdump-",
    "-flive-patching",
    "-flto-compression-level",
    "-flto-odr-type-merging",
    "-flto-partition",
    "-fopt-info",
    "-fsimd-cost-model",
    "-fstack-reuse=",
    "-ftrack-macro-expansion",
    "-fuse-ld=",
    "-fvect-cost-model",
    "-fvtable-verify=none",
    "-malign-data=",
    "-misa-spec=",
    "-mtls-dialect=",
    "-mtune=",
];

/// Members of the families that clang has, too.
const KNOWN: [&str; 4] = [
    "tree-slp-vectorize",
    "tree-vectorize",
    "tree-vrp",
    "tree-ter",
];

/// Debug options of gcc's alone.
const IGNORED_DEBUG: [&str; 6] = [
    "variable-location-views",
    "statement-frontiers",
    "inline-points",
    "as-loc-support",
    "as-locview-support",
    "describe-dies",
];

/// Whether an option is left out.
pub(super) fn is_ignored(option: &str) -> bool {
    let feature = option.strip_prefix("-f");
    let feature = feature.map(|name| name.strip_prefix("no-").unwrap_or(name));
    let debug = option.strip_prefix("-g");
    let debug = debug.map(|name| name.strip_prefix("no-").unwrap_or(name));
    IGNORED.contains(&option)
        || IGNORED_PREFIXES
            .iter()
            .any(|prefix| option.starts_with(prefix))
        || feature.is_some_and(is_ignored_feature)
        || debug.is_some_and(|name| IGNORED_DEBUG.contains(&name))
        || is_unknown_warning(option)
}

fn is_ignored_feature(name: &str) -> bool {
    let bare = name.split('=').next().unwrap_or(name);
    let in_family = IGNORED_FAMILIES
        .iter()
        .any(|family| name.starts_with(family));
    IGNORED_FEATURES.binary_search(&bare).is_ok() || (in_family && !KNOWN.contains(&name))
}

fn is_unknown_warning(option: &str) -> bool {
    let Some(name) = option.strip_prefix("-W") else {
        return false;
    };
    let name = name.strip_prefix("no-").unwrap_or(name);
    let name = name.strip_prefix("error=").unwrap_or(name);
    let name = name.split('=').next().unwrap_or(name);
    name.starts_with("analyzer-") || WARNINGS.binary_search(&name).is_ok()
}

/// What clang calls an option of gcc's that it has under another name.
pub(super) fn respelled(option: &str) -> Option<String> {
    let renamed = match option {
        "-fno-diagnostics-show-caret" => "-fno-caret-diagnostics",
        "-symbolic" => "-Wl,-Bsymbolic",
        "-flto=auto" | "-flto=jobserver" => "-flto",
        "-gstabs" | "-gstabs+" | "-gxcoff" | "-gxcoff+" | "-gcoff" | "-gvms" | "-Wa,-g"
        | "-Wa,--gdwarf" | "-Wa,--gen-debug" => "-g",
        _ => "",
    };
    if !renamed.is_empty() {
        return Some(renamed.to_owned());
    }
    if let Some(jobs) = option.strip_prefix("-flto=") {
        let is_number = jobs.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then(|| "-flto".to_owned());
    }
    if let Some(most) = option.strip_prefix("-fmax-errors=") {
        return Some(format!("-ferror-limit={most}"));
    }
    if let Some(depth) = option.strip_prefix("-ftemplate-depth-") {
        return Some(format!("-ftemplate-depth={depth}"));
    }
    let exponent = option.strip_prefix("-mpreferred-stack-boundary=")?;
    let exponent: u32 = exponent.parse().ok()?;
    let bytes = 1_u32.checked_shl(exponent)?;
    Some(format!("-mstack-alignment={bytes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_without_effect_are_left_out_and_others_are_not() {
        for option in [
            "-fno-tree-pre",
            "-ftree-loop-vectorize",
            "-fno-ipa-cp-clone",
            "-fconserve-stack",
            "-fno-var-tracking-assignments",
            "-fira-region=all",
            "-flifetime-dse=1",
            "-fvect-cost-model=dynamic",
            "-Wno-maybe-uninitialized",
            "-Werror=maybe-uninitialized",
            "-Wno-error=stringop-overflow",
            "-Wstringop-overflow=2",
            "-gno-variable-location-views",
            "-fuse-ld=gold",
            "-B/usr/lib",
            "-pipe",
            "-mtune=native",
        ] {
            assert!(is_ignored(option), "{option}");
        }
        for option in [
            "-ftree-vectorize",
            "-fno-tree-vectorize",
            "-fgnu-tm",
            "-fno-plt",
            "-fno-strict-aliasing",
            "-Wall",
            "-Wno-unused",
            "-Wbogus",
            "-g",
            "-ggdb3",
            "-fbogus",
            "-flto",
            "-fprofile-use",
        ] {
            assert!(!is_ignored(option), "{option}");
        }
    }

    #[test]
    fn the_long_lists_are_sorted() {
        assert!(IGNORED_FEATURES.is_sorted());
        assert!(WARNINGS.is_sorted());
    }

    #[test]
    fn options_have_another_name_with_clang() {
        for (option, expected) in [
            ("-flto=4", Some("-flto")),
            ("-flto=auto", Some("-flto")),
            ("-flto=thin", None),
            ("-fmax-errors=3", Some("-ferror-limit=3")),
            ("-mpreferred-stack-boundary=4", Some("-mstack-alignment=16")),
            ("-gstabs", Some("-g")),
            ("-O2", None),
        ] {
            assert_eq!(respelled(option).as_deref(), expected, "{option}");
        }
    }
}
