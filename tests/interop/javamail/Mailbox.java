import static java.util.stream.Collectors.joining;

import com.sun.mail.imap.IMAPFolder;
import com.sun.mail.imap.IMAPMessage;
import com.sun.mail.imap.IMAPStore;
import com.sun.mail.imap.MessageVanishedEvent;
import com.sun.mail.imap.ResyncData;
import com.sun.mail.imap.SortTerm;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import javax.mail.FetchProfile;
import javax.mail.Flags;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.MessagingException;
import javax.mail.Multipart;
import javax.mail.Part;
import javax.mail.Session;
import javax.mail.UIDFolder;
import javax.mail.event.MailEvent;
import javax.mail.event.MessageChangedEvent;
import javax.mail.search.SearchTerm;

/** A store, and one folder of it that is open: reading, flags, searching, and what has changed since last time. */
final class Mailbox {
    final Transcript transcript = new Transcript();
    Session session;
    IMAPStore store;
    IMAPFolder folder;

    void addTo(Map<String, Workplace.Command> commands) {
        commands.put("connect", this::connect);
        commands.put("capable", given -> Workplace.say(store.hasCapability(given[0])));
        commands.put("disconnect", given -> store.close());
        commands.put("open", this::open);
        commands.put("reopen", this::reopen);
        commands.put("fetch", this::fetch);
        commands.put("parts", given -> saveParts(message(given[0]), Path.of(given[1]), ""));
        commands.put("flags", this::flags);
        commands.put("flag", given -> message(given[0]).setFlags(named(given[1]), Boolean.parseBoolean(given[2])));
        commands.put("changed", this::changed);
        commands.put("search", this::search);
        commands.put("sort", this::sort);
    }

    /** Protocol, port, user, password, properties: logged in; what is said is in the transcript. */
    private void connect(String... given) throws MessagingException {
        transcript.clear();
        session = Session.getInstance(Workplace.properties(Arrays.copyOfRange(given, 4, given.length)));
        session.setDebugOut(new PrintStream(transcript, true));
        session.setDebug(true);
        store = (IMAPStore) session.getStore(given[0]);
        store.connect("localhost", Integer.parseInt(given[1]), given[2], given[3]);
    }

    /** Name: open to read and write. */
    private void open(String... given) throws MessagingException {
        folder = (IMAPFolder) store.getFolder(given[0]);
        folder.open(Folder.READ_WRITE);
        Workplace.say(folder.getMessageCount(), folder.getUIDValidity(), folder.getUIDNext(), folder.getHighestModSeq());
    }

    /** Name, UIDVALIDITY, MODSEQ, UIDs that are known: open, and what happened since, in one round trip. */
    private void reopen(String... given) throws MessagingException {
        long[] known = LongStream.of(uids(given[3])).toArray();
        folder = (IMAPFolder) store.getFolder(given[0]);
        var since = new ResyncData(Long.parseLong(given[1]), Long.parseLong(given[2]), known);
        for (MailEvent event : folder.open(Folder.READ_WRITE, since)) {
            if (event instanceof MessageVanishedEvent gone) {
                Workplace.say("vanished", joined(gone.getUIDs()));
            } else if (event instanceof MessageChangedEvent changed) {
                Message message = changed.getMessage();
                Workplace.say("changed", folder.getUID(message), told(message.getFlags()));
            }
        }
    }

    /** First UID, directory: every message from there on is a file UID.eml, octet for octet. */
    private void fetch(String... given) throws MessagingException, IOException {
        Message[] found = folder.getMessagesByUID(Long.parseLong(given[0]), UIDFolder.LASTUID);
        var profile = new FetchProfile();
        profile.add(FetchProfile.Item.ENVELOPE);
        profile.add(FetchProfile.Item.CONTENT_INFO);
        profile.add(FetchProfile.Item.FLAGS);
        profile.add(FetchProfile.Item.SIZE);
        profile.add(UIDFolder.FetchProfileItem.UID);
        folder.fetch(found, profile);
        for (Message message : found) {
            long uid = folder.getUID(message);
            try (OutputStream file = Files.newOutputStream(Path.of(given[1], uid + ".eml"))) {
                message.writeTo(file);
            }
            Workplace.say(uid, message.getSize(), told(message.getFlags()), message.getSubject());
        }
    }

    /** Each leaf of the part, as the server's BODYSTRUCTURE has it, is a file, decoded; its type and name are told. */
    private void saveParts(Part part, Path directory, String number) throws MessagingException, IOException {
        if (part.isMimeType("multipart/*")) {
            var parts = (Multipart) part.getContent();
            for (int i = 0; i < parts.getCount(); i++) {
                saveParts(parts.getBodyPart(i), directory, number.isEmpty() ? "" + (i + 1) : number + "." + (i + 1));
            }
        } else if (part.isMimeType("message/rfc822")) {
            saveParts((Message) part.getContent(), directory, number + ".m");
        } else {
            Files.copy(part.getInputStream(), directory.resolve("part" + number));
            Workplace.say(number, part.getContentType().replaceAll(";.*", ""), part.getFileName());
        }
    }

    private void flags(String... given) throws MessagingException {
        folder.doCommand(protocol -> {
            protocol.noop(); // the server tells what is new; the library asks at most once a second
            return null;
        });
        for (Message message : folder.getMessages()) {
            if (!message.isExpunged()) Workplace.say(folder.getUID(message), told(message.getFlags()));
        }
    }

    /** MODSEQ: the messages that changed since. */
    private void changed(String... given) throws MessagingException {
        long since = Long.parseLong(given[0]);
        for (Message message : folder.getMessagesByUIDChangedSince(1, UIDFolder.LASTUID, since)) {
            Workplace.say(folder.getUID(message), ((IMAPMessage) message).getModSeq(), told(message.getFlags()));
        }
    }

    /** What the server finds by each term, and what the library itself finds among the same messages. */
    private void search(String... given) throws MessagingException {
        for (Map.Entry<String, SearchTerm> one : Terms.ALL.entrySet()) {
            Message[] own = Stream.of(folder.getMessages()).filter(one.getValue()::match).toArray(Message[]::new);
            Workplace.say(one.getKey(), uids(folder.search(one.getValue())), uids(own));
        }
    }

    /** Names of terms: the order of the messages. */
    private void sort(String... given) throws MessagingException {
        var terms = Stream.of(given).map(Terms.ORDERS::get).toArray(SortTerm[]::new);
        Workplace.say(uids(folder.getSortedMessages(terms)));
    }

    Message message(String uid) throws MessagingException {
        return folder.getMessageByUID(Long.parseLong(uid));
    }

    Message[] messages(String uids) throws MessagingException {
        return folder.getMessagesByUID(uids(uids));
    }

    private static long[] uids(String uids) {
        return Stream.of(uids.split(" ")).mapToLong(Long::parseLong).toArray();
    }

    private String uids(Message... messages) throws MessagingException {
        var uids = new long[messages.length];
        for (int i = 0; i < messages.length; i++) uids[i] = folder.getUID(messages[i]);
        return joined(uids);
    }

    static String joined(long... uids) {
        return LongStream.of(uids).mapToObj(Long::toString).collect(joining(" "));
    }

    /** Flags by their names in IMAP, in the order of the alphabet. */
    static String told(Flags flags) {
        var names = new TreeSet<String>(Arrays.asList(flags.getUserFlags()));
        Terms.SYSTEM_FLAGS.forEach((name, flag) -> {
            if (flags.contains(flag)) names.add(name);
        });
        return String.join(" ", names);
    }

    static Flags named(String names) {
        var flags = new Flags();
        for (String name : names.split(" ")) {
            Flags.Flag flag = Terms.SYSTEM_FLAGS.get(name);
            if (flag == null) flags.add(name);
            else flags.add(flag);
        }
        return flags;
    }
}
