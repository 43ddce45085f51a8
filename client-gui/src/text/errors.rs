//! Errors of the client library and the server in other languages than theirs, English.
//!
//! Guarantees: every code that both know has a sentence and a remedy here. They say what
//! the code says; names, numbers and what the system said stand in the original, which
//! folds out below them.

use super::Language;

/// What happened, and what to do next, for a code; `None` in English, and for codes of
/// newer servers: then the original is all there is.
pub fn of(language: Language, code: &str) -> Option<(&'static str, &'static str)> {
    let table = match language {
        Language::English => return None,
        Language::German => GERMAN,
    };
    let found = table.iter().find(|(known, ..)| *known == code);
    found.map(|(_, what, remedy)| (*what, *remedy))
}

const GERMAN: &[(&str, &str, &str)] = &[
    // The message itself.
    (
        "malformed",
        "Der Server konnte die Anfrage nicht lesen.",
        "Client und Server sind wohl verschieden alt: Bringen Sie beide auf denselben Stand.",
    ),
    (
        "unsupported-version",
        "Client und Server sprechen keine gemeinsame Fassung des Protokolls.",
        "Bringen Sie beide auf denselben Stand.",
    ),
    ("too-large", "Das ist mehr, als auf einmal geht.", "Teilen Sie es in kleinere Stücke auf."),
    (
        "too-many-requests",
        "Es sind zu viele Anfragen zugleich offen.",
        "Warten Sie einen Augenblick, und wiederholen Sie es.",
    ),
    ("cancelled", "Das wurde abgebrochen.", "Beginnen Sie es neu, wenn Sie es noch wollen."),
    (
        "out-of-order",
        "Diese Anfrage passt nicht zum Stand der Verbindung.",
        "Melden Sie sich ab und wieder an.",
    ),
    // Accounts.
    (
        "sign-in-refused",
        "Name oder Passwort stimmen nicht.",
        "Prüfen Sie beides. Wer das Passwort vergessen hat, kommt mit dem Wiederherstellungsschlüssel hinein.",
    ),
    (
        "keys-refused",
        "Die Schlüssel auf diesem Rechner öffnen das Konto nicht mehr: Das Passwort wurde geändert, oder das Konto gibt es nicht mehr.",
        "Melden Sie sich neu an.",
    ),
    ("not-signed-in", "Sie sind nicht angemeldet.", "Melden Sie sich an."),
    (
        "session-expired",
        "Die Sitzung ist zu Ende: zu alt, oder an einem anderen Gerät beendet.",
        "Melden Sie sich wieder an.",
    ),
    (
        "sign-up-closed",
        "Dieser Server nimmt keine neuen Konten an.",
        "Bitten Sie den Betreiber um eine Einladung.",
    ),
    (
        "invite-invalid",
        "Die Einladung fehlt, ist verbraucht oder abgelaufen.",
        "Bitten Sie den Betreiber um eine neue.",
    ),
    (
        "user-name-unavailable",
        "Dieser Benutzername ist nicht zu haben.",
        "Wählen Sie einen anderen.",
    ),
    (
        "rate-limited",
        "Zu viele Versuche in kurzer Zeit.",
        "Warten Sie etwas, und versuchen Sie es dann wieder.",
    ),
    (
        "account-disabled",
        "Dieses Konto ist gesperrt.",
        "Wenden Sie sich an den Betreiber des Servers.",
    ),
    (
        "new-password-needed",
        "Der Wiederherstellungsschlüssel wurde benutzt: Zuerst braucht es ein neues Passwort.",
        "Setzen Sie ein neues Passwort.",
    ),
    (
        "bad-user-name",
        "Dieser Benutzername geht nicht.",
        "Nehmen Sie Buchstaben, Ziffern, Punkt, Bindestrich und Unterstrich.",
    ),
    ("no-such-user", "Niemand heißt so.", "Prüfen Sie, wie der Name geschrieben wird."),
    (
        "contact-changed",
        "Der Schlüssel dieser Person ist ein anderer als bisher.",
        "Vergleichen Sie die Sicherheitsnummer mit ihr, bevor Sie ihr etwas freigeben.",
    ),
    ("no-such-group", "Es gibt keine Gruppe dieses Namens.", "Legen Sie sie an."),
    ("group-exists", "Eine Gruppe dieses Namens gibt es schon.", "Wählen Sie einen anderen Namen."),
    (
        "work-needed",
        "Der Server verlangt zuerst eine Rechenaufgabe.",
        "Wiederholen Sie es; dieser Computer löst die Aufgabe von selbst.",
    ),
    (
        "bad-work",
        "Die Lösung der Rechenaufgabe gilt nicht mehr.",
        "Wiederholen Sie es; es kommt eine neue Aufgabe.",
    ),
    // The tree.
    (
        "not-found",
        "Das gibt es dort nicht, oder nicht für Sie.",
        "Laden Sie die Ansicht neu; vielleicht wurde es verschoben, gelöscht oder nicht mehr freigegeben.",
    ),
    ("exists", "Der Name ist schon vergeben.", "Wählen Sie einen anderen Namen."),
    (
        "not-a-directory",
        "Dort ist eine Datei, wo ein Ordner gebraucht wird.",
        "Wählen Sie einen Ordner.",
    ),
    (
        "is-a-directory",
        "Dort ist ein Ordner, wo eine Datei gebraucht wird.",
        "Wählen Sie eine Datei.",
    ),
    (
        "not-empty",
        "Der Ordner ist nicht leer.",
        "Löschen Sie zuerst, was darin ist, oder den Ordner mit allem.",
    ),
    (
        "bad-name",
        "Dieser Name kann nicht gespeichert werden.",
        "Nehmen Sie einen kürzeren Namen ohne Schrägstrich und Steuerzeichen.",
    ),
    (
        "conflict",
        "Jemand anderes war schneller.",
        "Sehen Sie nach, was jetzt dort ist, und entscheiden Sie, was gelten soll.",
    ),
    (
        "not-allowed",
        "Dazu fehlt Ihnen das Recht.",
        "Bitten Sie den Eigentümer, Ihnen Schreiben zu erlauben.",
    ),
    (
        "into-itself",
        "Ein Ordner kann nicht in sich selbst verschoben oder kopiert werden.",
        "Wählen Sie ein anderes Ziel.",
    ),
    (
        "no-such-version",
        "Diese Fassung gibt es nicht mehr.",
        "Laden Sie die Liste der Fassungen neu.",
    ),
    ("bad-cursor", "Die Liste hat sich inzwischen geändert.", "Laden Sie die Ansicht neu."),
    (
        "bad-pattern",
        "Dieses Suchmuster ist nicht zu verstehen.",
        "Suchen Sie nach einem Teil des Namens; * steht für beliebige Zeichen.",
    ),
    ("no-such-share", "Diese Freigabe gibt es nicht mehr.", "Laden Sie die Ansicht neu."),
    (
        "other-owner",
        "Die beiden Orte gehören verschiedenen Leuten.",
        "Kopieren Sie es, und löschen Sie dann das Original.",
    ),
    // Contents.
    (
        "integrity",
        "Die gespeicherten Daten sind beschädigt oder verändert; nichts davon wurde ausgegeben.",
        "Melden Sie es dem Betreiber: `coffer-server check` findet den Schaden, ein Replikat heilt ihn.",
    ),
    (
        "hash-mismatch",
        "Die Daten sind nicht so angekommen, wie sie gesendet wurden.",
        "Wiederholen Sie es.",
    ),
    (
        "no-such-upload",
        "Dieses Hochladen kennt der Server nicht mehr.",
        "Beginnen Sie es neu; was schon dort ist, wird nicht noch einmal gesendet.",
    ),
    (
        "upload-incomplete",
        "Beim Hochladen fehlt noch etwas.",
        "Wiederholen Sie es; es geht weiter, wo es stehen geblieben ist.",
    ),
    // The server.
    (
        "disk-full",
        "Der Speicher des Servers ist voll.",
        "Wenden Sie sich an den Betreiber. Was schon gespeichert ist, bleibt.",
    ),
    (
        "database-unavailable",
        "Der Server erreicht seine Datenbank nicht.",
        "Warten Sie; wenn es so bleibt, wenden Sie sich an den Betreiber.",
    ),
    (
        "uncertain",
        "Ob die Änderung geschehen ist, ist nicht bekannt.",
        "Sehen Sie nach, und wiederholen Sie es, wenn nicht.",
    ),
    (
        "shutting-down",
        "Der Server wird gerade beendet.",
        "Versuchen Sie es in einer Minute wieder.",
    ),
    ("busy", "Der Server hat gerade zu viel zu tun.", "Versuchen Sie es gleich wieder."),
    (
        "internal",
        "Im Server ist ein Fehler aufgetreten.",
        "Der Betreiber findet Näheres im Protokoll des Servers.",
    ),
    (
        "fenced",
        "Dieser Server ist nicht mehr der, auf den geschrieben wird.",
        "Der Client sucht den neuen von selbst; sonst lassen Sie sich einen neuen Link geben.",
    ),
    (
        "quota",
        "Ihr Speicherplatz ist verbraucht.",
        "Leeren Sie den Papierkorb, löschen Sie alte Fassungen, oder bitten Sie den Betreiber um mehr.",
    ),
    (
        "behind",
        "Diese Maschine hat noch nicht alles, was anderswo schon zu sehen war.",
        "Warten Sie einen Augenblick.",
    ),
    (
        "read-only",
        "Zur Zeit kann nichts geändert werden: Der Hauptserver antwortet nicht.",
        "Lesen geht weiter. Sobald er antwortet, geht auch das Ändern wieder.",
    ),
    (
        "connection-limit",
        "Sie haben schon so viele Verbindungen, wie erlaubt sind.",
        "Schließen Sie andere Clients.",
    ),
    // The client.
    (
        "unreachable",
        "Der Server ist nicht zu erreichen.",
        "Prüfen Sie die Adresse und das Netz, und ob der Server läuft.",
    ),
    (
        "connection-lost",
        "Die Verbindung zum Server ist abgerissen.",
        "Wiederholen Sie es; was bestätigt wurde, ist gespeichert.",
    ),
    (
        "not-primary",
        "Diese Maschine folgt einer anderen und nimmt keine Änderungen an.",
        "Warten Sie einen Augenblick, oder lassen Sie sich einen neuen Link geben.",
    ),
    (
        "unexpected-answer",
        "Die Antwort des Servers passt nicht zur Frage.",
        "Client und Server sind wohl verschieden alt: Bringen Sie beide auf denselben Stand.",
    ),
    (
        "unknown-server",
        "Dieser Server ist noch nicht bekannt.",
        "Vergleichen Sie seinen Fingerabdruck mit dem, den der Betreiber nennt.",
    ),
    (
        "wrong-server",
        "Das ist nicht der Server, dessen Fingerabdruck im Link steht.",
        "Geben Sie hier kein Passwort ein. Fragen Sie den Betreiber, ob sich der Schlüssel geändert hat.",
    ),
    (
        "not-coffer",
        "Dort antwortet kein Coffer-Server.",
        "Prüfen Sie Adresse und Port, und ob der Server läuft.",
    ),
    (
        "certificate",
        "Der Ausweis des Servers hält der Prüfung nicht stand.",
        "Prüfen Sie die Uhr dieses Computers; stimmt sie, fragen Sie den Betreiber.",
    ),
    (
        "server-replaced",
        "Dort antwortet eine andere Coffer-Installation als bisher.",
        "Fragen Sie den Betreiber; mit einem neuen Link können Sie sich neu verbinden.",
    ),
    (
        "epoch-went-back",
        "Der Server ist älter als der, der schon gesehen wurde: Er wurde wohl abgelöst.",
        "Fragen Sie den Betreiber nach dem Link des jetzigen Servers.",
    ),
    (
        "state-went-back",
        "Der Server zeigt einen älteren Stand, als schon gesehen wurde.",
        "Fragen Sie den Betreiber, ob er eine Sicherung zurückgespielt hat.",
    ),
    (
        "server-not-proven",
        "Der Server konnte nicht beweisen, dass er dieses Konto kennt.",
        "Geben Sie hier kein Passwort mehr ein, und fragen Sie den Betreiber.",
    ),
    (
        "account-changed",
        "Der Server verarbeitet das Passwort dieses Kontos anders als bisher.",
        "Geben Sie hier kein Passwort mehr ein, und fragen Sie den Betreiber.",
    ),
    (
        "kdf-refused",
        "Der Server verlangt, das Passwort auf unsichere Weise zu verarbeiten.",
        "Geben Sie hier kein Passwort mehr ein, und fragen Sie den Betreiber.",
    ),
    (
        "weak-password",
        "Das Passwort ist zu leicht zu erraten.",
        "Nehmen Sie mehrere Wörter, die nichts miteinander zu tun haben.",
    ),
    (
        "bad-password",
        "Das kann kein Passwort sein: zu kurz, zu lang oder mit Zeichen, die nicht gehen.",
        "Passwörter haben etwa 10 Zeichen oder mehr; Näheres steht unter „Details“.",
    ),
    (
        "bad-recovery-key",
        "Das ist kein vollständiger Wiederherstellungsschlüssel.",
        "Geben Sie alle Gruppen so ein, wie sie beim Anlegen des Kontos gezeigt wurden.",
    ),
    (
        "profile-in-use",
        "Unter diesem Namen ist hier schon ein anderes Konto angemeldet.",
        "Melden Sie es zuerst ab.",
    ),
    (
        "bad-profile-name",
        "Das kann kein Name eines Profils sein.",
        "Nehmen Sie bis zu 64 Buchstaben, Ziffern, - und _.",
    ),
    (
        "profile-damaged",
        "Eine Datei mit den Angaben zu diesem Konto ist nicht zu lesen.",
        "Bringen Sie die Datei in Ordnung oder löschen Sie sie, und melden Sie sich wieder an.",
    ),
    (
        "no-home",
        "Es gibt keinen Ordner für die Einstellungen.",
        "Setzen Sie COFFER_HOME auf einen eigenen Ordner.",
    ),
    (
        "bad-link",
        "Das ist kein Link zu einem Coffer-Server.",
        "Der Server nennt seinen Link mit `coffer-server link`.",
    ),
    ("bad-path", "Das ist kein Pfad auf dem Server.", "Pfade beginnen mit / oder mit @name."),
    (
        "many-things",
        "Das steht für alles, was dort freigegeben ist, nicht für eine Datei oder einen Ordner.",
        "Wählen Sie eines davon.",
    ),
    ("home-directory", "Das geht nicht mit dem obersten Ordner.", "Wählen Sie, was darin ist."),
    (
        "too-many-entries",
        "Das sind mehr Einträge, als hier auf einmal gehen.",
        "Wählen Sie einen kleineren Teil.",
    ),
    (
        "local-io",
        "Mit einer Datei dieses Computers ging etwas schief.",
        "Prüfen Sie Rechte und freien Platz; Näheres steht unter „Details“.",
    ),
    (
        "local-changed",
        "Eine Datei hat sich geändert, während sie gelesen wurde.",
        "Wiederholen Sie es, wenn niemand mehr in sie schreibt.",
    ),
    ("output", "Die Ausgabe konnte nicht geschrieben werden.", "Prüfen Sie, wohin sie geht."),
    (
        "no-randomness",
        "Das Betriebssystem liefert keine Zufallszahlen.",
        "Starten Sie den Computer neu.",
    ),
    ("interrupted", "Die Arbeit wurde unterbrochen.", "Wiederholen Sie es."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::ClientError;
    use coffer_client::protocol::ErrorCode;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_told_in_every_language() {
        let server = ErrorCode::ALL.iter().map(|(_, name)| *name);
        for code in server.chain(ClientError::OWN_CODES.iter().copied()) {
            assert!(of(Language::German, code).is_some(), "nothing is said of {code}");
            assert_eq!(of(Language::English, code), None, "the original is English");
        }
        assert_eq!(of(Language::German, "from-the-future"), None);
    }

    #[test]
    fn nothing_is_told_twice_or_of_codes_that_are_none() {
        let server = ErrorCode::ALL.iter().map(|(_, name)| *name);
        let known: BTreeSet<_> = server.chain(ClientError::OWN_CODES.iter().copied()).collect();
        let told: Vec<_> = GERMAN.iter().map(|(code, ..)| *code).collect();
        assert_eq!(told.iter().copied().collect::<BTreeSet<_>>().len(), told.len());
        for (code, what, remedy) in GERMAN {
            assert!(known.contains(code), "{code} is no code");
            assert!(what.ends_with('.') && remedy.ends_with('.'), "{code}");
        }
    }
}
