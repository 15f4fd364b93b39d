//! Control files: what is accepted has a name that can be a file's, comes back from its own status
//! entry, and compares with itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polyarch::debian::deb::Control;
use polyarch::debian::status;

fuzz_target!(|data: &[u8]| {
    let Ok(control) = Control::parse(data) else {
        return;
    };
    assert!(!control.package.contains('/') && !control.package.starts_with('.'));
    let _ = (control.replaces(&control), control.is_same());
    let entry = status::entry(&control, &[("etc/x".to_owned(), status::md5(data))]);
    let again = Control::parse(entry.as_bytes()).expect("a status entry is a control file");
    assert_eq!(again.package, control.package);
    assert_eq!(again.version.as_str(), control.version.as_str());
    assert_eq!(again.architecture, control.architecture);
});
