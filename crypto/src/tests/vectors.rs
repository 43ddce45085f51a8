//! Known answers of the primitives, as this crate uses them.

use super::counting;
use crate::chunk::{self, ChunkKey, HEADER_BYTES, TAG_BYTES};
use aes_siv::KeyInit;
use aes_siv::siv::{Aes128Siv, Aes256Siv};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::Sha512;
use std::io::Write;
use std::process::{Command, Stdio};

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
}

/// RFC 5297, appendix A.1.
#[test]
fn aes_siv_matches_rfc_5297_deterministic() {
    let key = hex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let ad = hex("101112131415161718191a1b1c1d1e1f2021222324252627");
    let sealed = Aes128Siv::new_from_slice(&key)
        .unwrap()
        .encrypt([&ad], &hex("112233445566778899aabbccddee"))
        .unwrap();
    assert_eq!(sealed, hex("85632d07c6e8f37f950acd320a2ecc93 40c02b9690c4dc04daef7f6afe5c"));
}

/// RFC 5297, appendix A.2: three fields of associated data.
#[test]
fn aes_siv_matches_rfc_5297_with_several_fields() {
    let key = hex("7f7e7d7c7b7a79787776757473727170 404142434445464748494a4b4c4d4e4f");
    let fields = [
        hex("00112233445566778899aabbccddeeff deaddadadeaddadaffeeddccbbaa9988 7766554433221100"),
        hex("102030405060708090a0"),
        hex("09f911029d74e35bd84156c5635688c0"),
    ];
    let plain = hex("7468697320697320736f6d6520706c61696e7465787420746f20656e63727970
                     74207573696e67205349562d414553"
        .replace('\n', "")
        .as_str());
    let sealed = Aes128Siv::new_from_slice(&key).unwrap().encrypt(&fields, &plain).unwrap();
    let expected = hex("7bdb6e3b432667eb06f4d14bff2fbd0f cb900f2fddbe404326601965c889bf17
                        dba77ceb094fa663b7a3f748ba8af829 ea64ad544a272e9c485b62a3fd5c0d"
        .replace('\n', "")
        .as_str());
    assert_eq!(sealed, expected);
}

/// OpenSSL 3 (`AES-256-SIV`): a 64-byte key, two fields.
#[test]
fn aes_256_siv_matches_openssl() {
    let key: [u8; 64] = counting(0);
    let sealed =
        Aes256Siv::new(&key.into()).encrypt([&b"one"[..], &b"two"[..]], b"Coffer").unwrap();
    assert_eq!(HEXLOWER.encode(&sealed), "82988352127dc1d446b56c9f9fde0563dac2e22d58b2");
}

/// PBKDF2-HMAC-SHA-512, the inputs of RFC 6070; outputs as of Python's hashlib.
#[test]
fn pbkdf2_matches_known_answers() {
    for (iterations, expected) in [
        (
            1,
            "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252\
             c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
        ),
        (
            4096,
            "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5\
             143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5",
        ),
    ] {
        let mut out = [0; 64];
        pbkdf2::pbkdf2_hmac::<Sha512>(b"password", b"salt", iterations, &mut out);
        assert_eq!(HEXLOWER.encode(&out), expected);
    }
}

/// The first of BLAKE3's published test vectors, plain and keyed.
#[test]
fn blake3_matches_its_test_vectors() {
    assert_eq!(
        blake3::hash(b"").to_hex().as_str(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    assert_eq!(
        HEXLOWER.encode(&chunk::plain_hash(b"whats the Elvish word for friend", b"")),
        "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"
    );
}

/// `openssl enc -d -aes-256-ctr` with IV 0 reads a chunk's ciphertext. A stored
/// answer covers machines without OpenSSL (golden file, `chunk.ciphertext`).
#[test]
fn openssl_decrypts_a_chunk() {
    let plain: Vec<u8> = (0..100_003_u32).map(|index| (index * 7 / 3) as u8).collect();
    let key = ChunkKey::from_bytes(counting(0x60));
    let sealed = chunk::seal(&key, &plain).bytes;
    let child = Command::new("openssl")
        .args(["enc", "-d", "-aes-256-ctr", "-iv", &"0".repeat(32), "-K"])
        .arg(HEXLOWER.encode(&key.encryption_key()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return };
    let mut stdin = child.stdin.take().unwrap();
    let ciphertext = sealed[HEADER_BYTES..sealed.len() - TAG_BYTES].to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&ciphertext));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == plain, "OpenSSL reads something else");
}
