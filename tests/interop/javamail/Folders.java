import com.sun.mail.imap.AppendUID;
import com.sun.mail.imap.IMAPFolder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.MessagingException;
import javax.mail.Quota;
import javax.mail.internet.MimeMessage;

/** The folders of the store: made, listed, filled; and what the server says of itself. */
final class Folders {
    private final Mailbox mailbox;

    Folders(Mailbox mailbox) {
        this.mailbox = mailbox;
    }

    void addTo(Map<String, Workplace.Command> commands) {
        commands.put("list", this::list);
        commands.put("create", given -> Workplace.say(folder(given[0]).create(Folder.HOLDS_MESSAGES)));
        commands.put("rename", given -> Workplace.say(folder(given[0]).renameTo(folder(given[1]))));
        commands.put("delete", given -> Workplace.say(folder(given[0]).delete(false)));
        commands.put("subscribe", given -> folder(given[0]).setSubscribed(Boolean.parseBoolean(given[1])));
        commands.put("append", this::append);
        commands.put("copy", given ->
                say(mailbox.folder.copyUIDMessages(mailbox.messages(given[0]), folder(given[1]))));
        commands.put("move", given ->
                say(mailbox.folder.moveUIDMessages(mailbox.messages(given[0]), folder(given[1]))));
        commands.put("expunge", given -> mailbox.folder.expunge(mailbox.messages(given[0])));
        commands.put("quota", this::quota);
        commands.put("id", this::id);
        commands.put("namespaces", given -> {
            for (Folder one : mailbox.store.getPersonalNamespaces()) Workplace.say(one.getFullName(), one.getSeparator());
        });
    }

    private IMAPFolder folder(String name) throws MessagingException {
        return (IMAPFolder) mailbox.store.getFolder(name);
    }

    /** Each folder: its name, whether it is subscribed, its attributes. */
    private void list(String... given) throws MessagingException {
        for (Folder one : mailbox.store.getDefaultFolder().list("*")) {
            Workplace.say(one.getFullName(), one.isSubscribed(), String.join(" ", ((IMAPFolder) one).getAttributes()));
        }
    }

    /** Folder, flags, files: each file is a message of the folder. */
    private void append(String... given) throws MessagingException, IOException {
        var messages = new Message[given.length - 2];
        for (int i = 0; i < messages.length; i++) {
            try (InputStream file = Files.newInputStream(Path.of(given[i + 2]))) {
                messages[i] = new MimeMessage(mailbox.session, file);
            }
            if (!given[1].isEmpty()) messages[i].setFlags(Mailbox.named(given[1]), true);
        }
        say(folder(given[0]).appendUIDMessages(messages));
    }

    private static void say(AppendUID... places) {
        Workplace.say(Mailbox.joined(Arrays.stream(places).mapToLong(one -> one.uid).toArray()));
    }

    private void quota(String... given) throws MessagingException {
        for (Quota root : mailbox.store.getQuota(given[0])) {
            for (Quota.Resource one : root.resources) Workplace.say(root.quotaRoot, one.name, one.usage, one.limit);
        }
    }

    private void id(String... given) throws MessagingException {
        var ours = new LinkedHashMap<String, String>();
        ours.put("name", "Logiciel d'officine");
        mailbox.store.id(ours).forEach(Workplace::say);
    }
}
