//! Templates and assets are part of the library: where one is added or taken away, it is built again.

fn main() {
    println!("cargo:rerun-if-changed=templates");
    println!("cargo:rerun-if-changed=assets");
}
