//! The words of the client, in one place, in every language it speaks. Errors of the
//! client library and the server, which come in English, are in [`errors`].
//!
//! Guarantees: a text that is missing in one language does not compile. `{}` in a
//! text stands for what `fill` puts there.

pub mod errors;

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether errors are told in German: see [`speak`].
static IN_GERMAN: AtomicBool = AtomicBool::new(false);

/// From now on errors of the client library are told in this language. They are put into
/// words where they happen, which is on any thread; a process has one window, which has
/// one language.
pub fn speak(language: Language) {
    IN_GERMAN.store(language == Language::German, Ordering::Relaxed);
}

/// The language of errors.
pub fn spoken() -> Language {
    if IN_GERMAN.load(Ordering::Relaxed) { Language::German } else { Language::English }
}

/// A language of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// Its texts.
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

/// Puts `value` where the text has `{}`.
pub fn fill(text: &str, value: impl std::fmt::Display) -> String {
    text.replacen("{}", &value.to_string(), 1)
}

/// How many there are: `one` for a single one, or else `many` with the number in it.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { one.to_owned() } else { fill(many, count) }
}

macro_rules! texts {
    ($($name:ident: $english:literal, $german:literal;)*) => {
        /// The texts of one language, by name.
        #[expect(missing_docs, reason = "each name says what its text says")]
        pub struct Texts { $(pub $name: &'static str,)* }
        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static GERMAN: Texts = Texts { $($name: $german,)* };

        #[cfg(test)]
        fn pairs() -> Vec<(&'static str, &'static str, &'static str)> {
            vec![$((stringify!($name), $english, $german),)*]
        }
    };
}

texts! {
    // Welcome.
    connect_title: "Connect to your server", "Mit Ihrem Server verbinden";
    connect_lead: "Paste the link that the server printed. It begins with coffer://",
        "Fügen Sie den Link ein, den der Server ausgegeben hat. Er beginnt mit coffer://";
    link: "Connection link", "Verbindungslink";
    bad_link: "This is not a whole connection link: {}",
        "Das ist kein vollständiger Verbindungslink: {}";
    try_here: "Try it on this computer", "Auf diesem Rechner ausprobieren";
    continue_: "Continue", "Weiter";
    back: "Back", "Zurück";
    sign_in: "Sign in", "Anmelden";
    create_account: "Create account", "Konto anlegen";
    user_name: "User name", "Benutzername";
    password: "Password", "Passwort";
    password_again: "Password again", "Passwort wiederholen";
    passwords_differ: "The two passwords differ.", "Die beiden Passwörter sind verschieden.";
    password_good: "A good password.", "Ein gutes Passwort.";
    contact_optional: "Contact (optional)", "Kontakt (freiwillig)";
    contact_why: "Only the operator of the server sees it.",
        "Nur der Betreiber des Servers sieht ihn.";
    show_password: "Show password", "Passwort zeigen";
    hide_password: "Hide password", "Passwort verbergen";
    no_link: "There is no connection link in this file.",
        "In dieser Datei steht kein Verbindungslink.";
    forget_account: "Remove from this computer", "Von diesem Rechner entfernen";
    add_account: "Other account…", "Anderes Konto …";
    known_accounts: "Known accounts", "Bekannte Konten";
    working: "Working on it. Your password becomes a key on this computer.",
        "Einen Augenblick. Ihr Passwort wird auf diesem Rechner zu einem Schlüssel.";
    checking: "Checking. The server asks this computer for some work, so that nobody makes accounts by the thousand.",
        "Prüfung läuft. Der Server lässt diesen Rechner etwas arbeiten, damit niemand Konten zu Tausenden anlegt.";
    server_at: "Server {}", "Server {}";
    is_it_yours: "Is this your server?", "Ist das Ihr Server?";
    stopped: "Coffer has stopped here", "Hier hält Coffer an";
    unknown_server: "The link carries no fingerprint. Compare this one with the end of the link that “coffer-server link” prints there:",
        "Der Link enthält keinen Fingerabdruck. Vergleichen Sie diesen mit dem Ende des Links, den „coffer-server link“ dort ausgibt:";
    it_is_the_same: "It is the same", "Er stimmt überein";
    forgot_password: "Forgot your password?", "Passwort vergessen?";
    local_is_not_made: "The server on this computer cannot be made: {}",
        "Der Server auf diesem Computer kann nicht angelegt werden: {}";
    local_does_not_start: "The server on this computer does not start: {}",
        "Der Server auf diesem Computer startet nicht: {}";
    local_is_not_used: "The server on this computer cannot be used: {}",
        "Der Server auf diesem Computer ist nicht zu gebrauchen: {}";
    local_gives_no_link: "The server on this computer gives no link: {}",
        "Der Server auf diesem Computer nennt keinen Link: {}";
    local_is_gone: "The server on this computer is gone: {}",
        "Der Server auf diesem Computer ist weg: {}";
    says_nothing: "it says nothing", "er sagt nichts";
    local_hint: "Install coffer-server beside coffer-gui, or connect to another server.",
        "Legen Sie coffer-server neben coffer-gui, oder verbinden Sie sich mit einem anderen Server.";
    recover_lead: "Your recovery key sets a new password, and is replaced by a new one.",
        "Ihr Wiederherstellungsschlüssel setzt ein neues Passwort und wird durch einen neuen ersetzt.";
    recovery_key: "Recovery key", "Wiederherstellungsschlüssel";
    set_password: "Set password", "Passwort setzen";
    recovery_title: "Your recovery key", "Ihr Wiederherstellungsschlüssel";
    recovery_lead: "If you forget your password, only this key opens your files. It is shown once. Keep it away from this computer.",
        "Wenn Sie Ihr Passwort vergessen, öffnet nur dieser Schlüssel Ihre Dateien. Er wird einmal gezeigt. Bewahren Sie ihn nicht auf diesem Rechner auf.";
    print: "Print", "Drucken";
    printed: "Handed to the printer", "An den Drucker übergeben";
    not_printed: "It could not be printed: {}.", "Es konnte nicht gedruckt werden: {}.";
    no_printing: "there is no printing system (the command lp of CUPS)",
        "Es gibt kein Drucksystem (den Befehl lp von CUPS)";
    keep_otherwise: "Save the key as a file, or write it down.",
        "Speichern Sie den Schlüssel als Datei, oder schreiben Sie ihn auf.";
    recovery_check: "Type the last group to show that you have kept it",
        "Tippen Sie die letzte Gruppe ab, um zu zeigen, dass Sie ihn aufbewahrt haben";
    recovery_wrong: "That is not the last group.", "Das ist nicht die letzte Gruppe.";
    copy: "Copy", "Kopieren";
    save_as_file: "Save as file…", "Sichern …";
    saved: "Saved.", "Gesichert.";
    // Sidebar and frame.
    my_files: "My files", "Meine Dateien";
    shared_with_me: "Shared with me", "Mit mir geteilt";
    shared_by_me: "Shared by me", "Von mir geteilt";
    trash: "Trash", "Papierkorb";
    activity: "Activity", "Aktivität";
    transfers: "Transfers", "Übertragungen";
    one_transfer: "1 transfer", "1 Übertragung";
    some_transfers: "{} transfers", "{} Übertragungen";
    server: "Server", "Server";
    settings: "Settings", "Einstellungen";
    sign_out: "Sign out", "Abmelden";
    backward: "Back", "Zurück";
    forward: "Forward", "Vorwärts";
    up: "Up", "Eine Ebene höher";
    find_here: "Find", "Suchen";
    commands: "All commands", "Alle Befehle";
    new_: "New", "Neu";
    new_folder: "New folder", "Neuer Ordner";
    new_text_file: "New text file", "Neue Textdatei";
    upload_files: "Upload files…", "Dateien hochladen …";
    upload_folder: "Upload folder…", "Ordner hochladen …";
    upload: "Upload", "Hochladen";
    refresh: "Refresh", "Neu laden";
    details: "Details", "Details";
    // List.
    name: "Name", "Name";
    size: "Size", "Größe";
    modified: "Modified", "Geändert";
    shared: "Shared", "Geteilt";
    safe: "Safe", "Sicher";
    empty_title: "Nothing here yet", "Noch nichts hier";
    empty_lead: "Drop files into the window, or choose them.",
        "Ziehen Sie Dateien in das Fenster, oder wählen Sie sie aus.";
    drop_here: "Drop to upload to {}", "Loslassen, um nach {} hochzuladen";
    loading: "Loading…", "Wird geladen …";
    items: "{} items", "{} Einträge";
    one_item: "1 item", "1 Eintrag";
    selected: "{} selected", "{} ausgewählt";
    damaged: "{} entries here are damaged and cannot be opened. Ask the operator to run “coffer-server repair”.",
        "{} Einträge hier sind beschädigt und lassen sich nicht öffnen. Bitten Sie den Betreiber, „coffer-server repair“ laufen zu lassen.";
    nothing_found: "Nothing has a name like that.", "Nichts hat einen solchen Namen.";
    // Actions.
    open: "Open", "Öffnen";
    download: "Download…", "Herunterladen …";
    share: "Share…", "Teilen …";
    rename: "Rename", "Umbenennen";
    delete: "Delete", "Löschen";
    cut: "Cut", "Ausschneiden";
    paste: "Paste", "Einfügen";
    upload_copied: "Files on the clipboard", "Dateien der Zwischenablage";
    nothing_copied: "There are no files on the clipboard.",
        "In der Zwischenablage sind keine Dateien.";
    undo: "Undo", "Rückgängig";
    select_all: "Select all", "Alles auswählen";
    create: "Create", "Anlegen";
    cancel: "Cancel", "Abbrechen";
    close: "Close", "Schließen";
    save: "Save", "Sichern";
    retry: "Try again", "Noch einmal";
    clear: "Clear finished", "Fertige entfernen";
    restore: "Restore", "Zurückholen";
    purge: "Delete for good", "Endgültig löschen";
    empty_trash: "Empty trash…", "Papierkorb leeren …";
    empty_trash_sure: "Everything in the trash is deleted for good. Nobody can bring it back.",
        "Alles im Papierkorb wird endgültig gelöscht. Niemand kann es zurückholen.";
    trash_empty: "The trash is empty.", "Der Papierkorb ist leer.";
    deleted_at: "Deleted", "Gelöscht";
    was_in: "Was in", "War in";
    untitled: "untitled.txt", "unbenannt.txt";
    // Looking.
    type_a_path: "Type a path", "Pfad eingeben";
    recent: "Recent", "Zuletzt";
    recent_lead: "What you have changed or opened lately.",
        "Was Sie zuletzt geändert oder geöffnet haben.";
    recent_empty: "You have changed or opened nothing yet.",
        "Sie haben noch nichts geändert oder geöffnet.";
    quick_look: "Quick look", "Schnellansicht";
    next: "Next", "Weiter";
    previous: "Previous", "Zurück";
    old_version: "Version of {}", "Version vom {}";
    duration: "Length", "Dauer";
    dimensions: "Dimensions", "Abmessungen";
    sound: "Sound", "Ton";
    title_tag: "Title", "Titel";
    artist: "Artist", "Interpret";
    album: "Album", "Album";
    channels: "{} channels", "{} Kanäle";
    stereo: "stereo", "Stereo";
    mono: "mono", "Mono";
    where_: "Where", "Wo";
    this_folder: "This folder", "Dieser Ordner";
    everywhere: "Everywhere", "Überall";
    any_kind: "Any kind", "Jede Art";
    folders: "Folders", "Ordner";
    documents: "Documents", "Dokumente";
    pictures: "Pictures", "Bilder";
    sound_and_film: "Sound and film", "Ton und Film";
    others: "Other files", "Andere Dateien";
    any_time: "Any time", "Jederzeit";
    last_day: "Last 24 hours", "Letzte 24 Stunden";
    last_days: "Last {} days", "Letzte {} Tage";
    any_size: "Any size", "Jede Größe";
    below_a_mib: "Below 1 MiB", "Unter 1 MiB";
    up_to_100_mib: "1 to 100 MiB", "1 bis 100 MiB";
    above_100_mib: "Above 100 MiB", "Über 100 MiB";
    no_filter: "Show all", "Alles zeigen";
    restore_beside: "Restore beside", "Daneben zurückholen";
    restored_beside: "Restored as {}", "Zurückgeholt als {}";
    open_outside: "Open with another program", "Mit anderem Programm öffnen";
    save_as: "Save as…", "Sichern unter …";
    opened: "Opened", "Geöffnet";
    nothing_opened: "No other program has a file open.",
        "Kein anderes Programm hat eine Datei geöffnet.";
    is_fetched: "On its way: {} of {}", "Unterwegs: {} von {}";
    is_opening: "{} is on its way, and will be opened", "{} ist unterwegs und wird dann geöffnet";
    opened_lead: "Whenever you save one of these in its program, it becomes a new version here. Close removes the copy from this computer.",
        "Wenn Sie eine davon in ihrem Programm sichern, wird sie hier zu einer neuen Version. „Schließen“ entfernt die Kopie von diesem Rechner.";
    is_opened: "{} is open; what you save there becomes a new version",
        "{} ist geöffnet; was Sie dort sichern, wird zu einer neuen Version";
    no_program: "No program of this computer opens it.", "Kein Programm dieses Rechners öffnet sie.";
    open_by_hand: "Open the copy yourself: {}", "Öffnen Sie die Kopie selbst: {}";
    is_watched: "Open, not changed", "Geöffnet, nicht geändert";
    is_saving: "Being saved…", "Wird gesichert …";
    saved_at: "Saved {}", "Gesichert {}";
    open_again: "Open again", "Noch einmal öffnen";
    save_beside: "Save beside", "Daneben sichern";
    conflict_hint: "Choose under “Opened” whether to keep both.",
        "Wählen Sie unter „Geöffnet“, ob Sie beide behalten.";
    would_run: "Your system would run {} instead of showing it.",
        "Ihr System würde {} ausführen, statt es zu zeigen.";
    would_run_hint: "Download it if you trust whoever it is from.",
        "Laden Sie es herunter, wenn Sie dem vertrauen, von dem es kommt.";
    rescued: "Changes were not saved. They are kept in {}.",
        "Änderungen wurden nicht gesichert. Sie liegen in {}.";
    rescued_hint: "Upload that file, or compare it with what is here.",
        "Laden Sie diese Datei hoch, oder vergleichen Sie sie mit dem, was hier ist.";
    as_list: "As list", "Als Liste";
    as_grid: "As grid", "Als Kacheln";
    sort_by: "Sort by", "Ordnen nach";
    show_in_folder: "Show in folder", "Im Ordner zeigen";
    // Toasts.
    moved_to_trash: "{} moved to the trash", "{} in den Papierkorb gelegt";
    restored: "{} restored", "{} zurückgeholt";
    renamed: "Renamed to {}", "Umbenannt in {}";
    moved: "{} moved", "{} verschoben";
    copied: "{} copied", "{} kopiert";
    uploaded: "{} uploaded", "{} hochgeladen";
    downloaded: "{} downloaded", "{} heruntergeladen";
    shares_with_you: "{} shares with you: {}", "{} teilt mit Ihnen: {}";
    link_waits: "Sign out first to connect with another link.",
        "Melden Sie sich zuerst ab, um sich mit einem anderen Link zu verbinden.";
    too_much_waits: "This was not done: too many changes wait for the server.",
        "Das wurde nicht getan: Zu viele Änderungen warten auf den Server.";
    wait_a_little: "Wait until the server answers again, and repeat it.",
        "Warten Sie, bis der Server wieder antwortet, und wiederholen Sie es.";
    // Safety.
    on_this_server: "On this server", "Auf diesem Server";
    on_machines: "On {} machines", "Auf {} Maschinen";
    connected: "Connected", "Verbunden";
    shared_to_read: "Shared with you to read", "Zum Lesen mit Ihnen geteilt";
    nothing_shared: "Whoever shares this folder has put nothing into it.",
        "Wer diesen Ordner teilt, hat noch nichts hineingelegt.";
    read_only: "Read only: the primary does not answer. You are reading from {}. It is tried again by itself.",
        "Nur lesen: Der Hauptserver antwortet nicht. Sie lesen von {}. Es wird von selbst weiter versucht.";
    unreachable: "The server does not answer. It is tried again by itself.",
        "Der Server antwortet nicht. Es wird von selbst weiter versucht.";
    storage_used: "{} used", "{} belegt";
    mirrored: "Mirrored", "Gespiegelt";
    not_mirrored: "On one machine", "Auf einer Maschine";
    // Details and versions.
    versions: "Versions", "Versionen";
    current: "current", "aktuell";
    who_has_access: "Who has access", "Wer Zugriff hat";
    only_you: "Only you", "Nur Sie";
    folder: "Folder", "Ordner";
    file: "File", "Datei";
    kind: "Kind", "Art";
    created: "Created", "Angelegt";
    by: "by {}", "von {}";
    pick_one: "Select something to see its details.",
        "Wählen Sie etwas aus, um Details zu sehen.";
    no_preview: "No preview for this kind of file.", "Keine Vorschau für diese Art von Datei.";
    page_of: "Page 1 of {}", "Seite 1 von {}";
    too_large: "This file is too large for a preview.",
        "Diese Datei ist zu groß für eine Vorschau.";
    locked_file: "This file is protected with a password.",
        "Diese Datei ist mit einem Passwort geschützt.";
    broken_file: "This file cannot be shown: it is damaged, or is not what its name says.",
        "Diese Datei lässt sich nicht zeigen: Sie ist beschädigt oder nicht das, was ihr Name sagt.";
    too_much: "To show this file takes too much time or memory.",
        "Diese Datei zu zeigen braucht zu viel Zeit oder Speicher.";
    look_outside: "Another program may be able to show it.",
        "Vielleicht kann ein anderes Programm sie zeigen.";
    kind_text: "Text", "Text";
    kind_code: "Code", "Code";
    kind_picture: "Picture", "Bild";
    kind_film: "Film", "Film";
    kind_sound: "Sound", "Ton";
    kind_pdf: "PDF document", "PDF-Dokument";
    kind_archive: "Archive", "Archiv";
    // Sharing.
    share_title: "Share “{}”", "„{}“ teilen";
    share_with: "User name or group", "Benutzername oder Gruppe";
    can_read: "Can read", "Darf lesen";
    can_write: "Can write", "Darf schreiben";
    never_ends: "No end", "Ohne Ende";
    for_a_week: "For a week", "Eine Woche";
    for_a_month: "For 30 days", "30 Tage";
    until: "until {}", "bis {}";
    revoke: "Stop sharing", "Nicht mehr teilen";
    leave: "Leave", "Verlassen";
    no_shares_with_me: "When somebody shares files with you, they appear here.",
        "Wenn jemand Dateien mit Ihnen teilt, erscheinen sie hier.";
    no_shares_by_me: "You share nothing. Select a file or folder and choose Share.",
        "Sie teilen nichts. Wählen Sie eine Datei oder einen Ordner und dann „Teilen“.";
    safety_number: "You share with {} for the first time. Compare this safety number with them:",
        "Sie teilen zum ersten Mal mit {}. Vergleichen Sie gemeinsam diese Sicherheitsnummer:";
    key_changed: "The key of this person has changed. Nothing opens before you confirm the new one.",
        "Der Schlüssel dieser Person hat sich geändert. Nichts öffnet sich, bevor Sie den neuen bestätigen.";
    groups: "Groups", "Gruppen";
    new_group: "New group", "Neue Gruppe";
    no_groups: "A group is a name for several people: what you share with it, they all see.",
        "Eine Gruppe ist ein Name für mehrere Personen: Was Sie mit ihr teilen, sehen alle.";
    no_members: "Nobody is in it yet.", "Noch ist niemand darin.";
    add_to_group: "Add to {}", "Zu {} hinzufügen";
    add: "Add", "Hinzufügen";
    user_names: "User names, with commas between them", "Benutzernamen, durch Kommas getrennt";
    remove_member: "Remove {}", "{} entfernen";
    delete_group: "Delete group {}", "Gruppe {} löschen";
    delete_group_lead: "Everything that is shared with it is shared no more.",
        "Alles, was mit ihr geteilt ist, wird nicht mehr geteilt.";
    new_people: "New people", "Neue Personen";
    // Activity.
    days_of_activity: "Deeds a day over the last {} days, of the newest ones that are listed",
        "Ereignisse je Tag der letzten {} Tage, aus den neuesten, die hier stehen";
    no_activity: "Nothing has happened yet.", "Bisher ist nichts geschehen.";
    did_created: "{} created", "{} hat angelegt:";
    did_written: "{} changed", "{} hat geändert:";
    did_renamed: "{} renamed", "{} hat umbenannt:";
    did_moved: "{} moved", "{} hat verschoben:";
    did_deleted: "{} deleted", "{} hat gelöscht:";
    did_restored: "{} restored", "{} hat zurückgeholt:";
    did_shared: "{} shared", "{} hat geteilt:";
    did_unshared: "{} stopped sharing", "{} teilt nicht mehr:";
    did_left: "{} left", "{} hat verlassen:";
    did_downloaded: "{} downloaded", "{} hat heruntergeladen:";
    did_signed_in: "{} signed in from", "{} hat sich angemeldet von";
    and_more: "and {} more", "und {} weitere";
    somebody: "Somebody", "Jemand";
    // Transfers.
    no_transfers: "Nothing is being transferred.", "Es wird nichts übertragen.";
    transfer_done: "Done", "Fertig";
    transfer_failed: "{} failed", "{} fehlgeschlagen";
    transfer_waiting: "Waiting for others", "Wartet auf andere";
    paused: "Paused", "Angehalten";
    pause: "Pause", "Anhalten";
    resume: "Go on", "Fortsetzen";
    pause_all: "Pause all", "Alle anhalten";
    resume_all: "Resume all", "Alle fortsetzen";
    transfer_cancelled: "Cancelled", "Abgebrochen";
    transfer_left: "{} left", "noch {}";
    transfer_file: "1 file", "1 Datei";
    transfer_files: "{} files", "{} Dateien";
    // Server page.
    machines: "Machines", "Maschinen";
    primary: "Primary", "Hauptserver";
    standby: "Standby", "Ersatzserver";
    fenced: "Was the primary", "War Hauptserver";
    keyless: "Mirror", "Spiegel";
    answers: "answers in {}", "antwortet in {}";
    silent: "does not answer", "antwortet nicht";
    epoch: "Epoch", "Epoche";
    account: "Account", "Konto";
    entries: "Entries", "Einträge";
    lag: "How far the standby is behind, seconds", "Rückstand des Ersatzservers, Sekunden";
    behind: "{} behind", "{} zurück";
    response_time: "Response time of the server, milliseconds",
        "Antwortzeit des Servers, Millisekunden";
    // Tray.
    open_coffer: "Open Coffer", "Coffer öffnen";
    quit: "Quit", "Beenden";
    not_signed_in: "Not signed in", "Nicht angemeldet";
    locked: "Locked", "Gesperrt";
    connected_to: "Connected to {}", "Verbunden mit {}";
    keep_in_tray: "Keep running in the tray when the window is closed",
        "Im Infobereich weiterlaufen, wenn das Fenster geschlossen wird";
    // Settings.
    appearance: "Appearance", "Erscheinungsbild";
    theme: "Theme", "Farben";
    light_theme: "Light theme", "Helles Erscheinungsbild";
    dark_theme: "Dark theme", "Dunkles Erscheinungsbild";
    system_theme: "Theme of the system", "Erscheinungsbild des Systems";
    theme_system: "System", "System";
    theme_light: "Light", "Hell";
    theme_dark: "Dark", "Dunkel";
    language: "Language", "Sprache";
    rows: "Rows", "Zeilen";
    rows_normal: "Comfortable", "Bequem";
    rows_compact: "Compact", "Dicht";
    downloads: "Downloads go to", "Heruntergeladenes kommt nach";
    upload_limit: "Uploads together send at most", "Hochladen insgesamt höchstens";
    download_limit: "Downloads together fetch at most", "Herunterladen insgesamt höchstens";
    no_limit: "No limit", "Ohne Grenze";
    choose: "Choose…", "Wählen …";
    change_password: "Change password", "Passwort ändern";
    present_password: "Present password", "Bisheriges Passwort";
    new_password: "New password", "Neues Passwort";
    new_recovery_too: "Also make a new recovery key", "Auch einen neuen Wiederherstellungsschlüssel anlegen";
    password_changed: "Password changed. All other devices are signed out.",
        "Passwort geändert. Alle anderen Geräte sind abgemeldet.";
    recovery_renewed: "The recovery key before this one has stopped working. All other devices are signed out.",
        "Der bisherige Wiederherstellungsschlüssel gilt nicht mehr. Alle anderen Geräte sind abgemeldet.";
    account_deleted: "The account and all its files are deleted.",
        "Das Konto und alle seine Dateien sind gelöscht.";
    sign_out_others: "Sign out other devices…", "Andere Geräte abmelden …";
    sign_out_others_lead: "A device that is signed in keeps keys made from your password. A new password makes them useless everywhere else.",
        "Ein angemeldetes Gerät bewahrt Schlüssel, die aus Ihrem Passwort entstehen. Ein neues Passwort macht sie überall sonst wertlos.";
    new_recovery_key: "New recovery key…", "Neuer Wiederherstellungsschlüssel …";
    new_recovery_key_lead: "The present recovery key stops working as soon as you have a new one.",
        "Der bisherige Wiederherstellungsschlüssel gilt nicht mehr, sobald Sie einen neuen haben.";
    desktop_messages: "Show messages of the desktop while this window is in the background",
        "Meldungen auf dem Schreibtisch zeigen, wenn dieses Fenster im Hintergrund ist";
    security: "Security", "Sicherheit";
    lock: "Lock now", "Jetzt sperren";
    lock_after: "Lock the window when nobody uses it", "Das Fenster sperren, wenn niemand es benutzt";
    never: "Never", "Nie";
    after_minutes: "After {} minutes", "Nach {} Minuten";
    lock_covers: "The lock covers this window. Keys that are saved on this computer stay; sign out to delete them.",
        "Die Sperre verdeckt dieses Fenster. Auf diesem Rechner gesicherte Schlüssel bleiben; melden Sie sich ab, um sie zu löschen.";
    locked_lead: "Locked. Transfers go on. Type your password to see your files.",
        "Gesperrt. Übertragungen laufen weiter. Tippen Sie Ihr Passwort, um Ihre Dateien zu sehen.";
    unlock: "Unlock", "Entsperren";
    danger: "Delete account", "Konto löschen";
    danger_lead: "Deletes the account and every file in it, for good.",
        "Löscht das Konto und alle Dateien darin, endgültig.";
    shortcuts: "Keyboard", "Tastatur";
    about: "About", "Über";
    // Editor and conflicts.
    edit: "Edit", "Bearbeiten";
    unsaved: "unsaved", "nicht gesichert";
    saved_version: "Saved as a new version", "Als neue Version gesichert";
    conflict: "Somebody has changed this file since you opened it.",
        "Jemand hat diese Datei geändert, seit Sie sie geöffnet haben.";
    keep_both: "Keep both", "Beide behalten";
    overwrite: "Overwrite", "Überschreiben";
    not_editable: "This is not a text in UTF-8, or too long: the editor would damage it. Download it instead.",
        "Das ist kein Text in UTF-8, oder er ist zu lang: Der Editor würde ihn beschädigen. Laden Sie ihn stattdessen herunter.";
    discard: "Discard mine", "Meine verwerfen";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_gaps_and_no_empty_text() {
        for (name, english, german) in pairs() {
            assert_eq!(english.matches("{}").count(), german.matches("{}").count(), "{name}");
            assert!(!english.is_empty() && !german.is_empty(), "{name}");
        }
    }

    #[test]
    fn values_are_filled_in() {
        assert_eq!(fill(Language::German.texts().items, 3), "3 Einträge");
    }
}
