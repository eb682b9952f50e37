import com.sun.mail.imap.IdleManager;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.mail.Message;
import javax.mail.MessagingException;
import javax.mail.event.MessageCountAdapter;
import javax.mail.event.MessageCountEvent;

/** New mail of the open folder, as it is pushed: by a thread in {@code idle()}, or by an {@code IdleManager}. */
final class Arrivals {
    private static final int PATIENCE_S = 30;

    private final Mailbox mailbox;
    private final BlockingQueue<String> subjects = new LinkedBlockingQueue<>();
    private IdleManager manager;

    Arrivals(Mailbox mailbox) {
        this.mailbox = mailbox;
    }

    void addTo(Map<String, Workplace.Command> commands) {
        commands.put("idle", given -> {
            listen();
            new Thread(this::idle).start();
            mailbox.transcript.await("\n+ ", PATIENCE_S);
        });
        commands.put("watch", given -> {
            manager = new IdleManager(mailbox.session, Executors.newCachedThreadPool());
            listen();
            manager.watch(mailbox.folder);
            mailbox.transcript.await("\n+ ", PATIENCE_S);
        });
        commands.put("arrival", given -> {
            String subject = subjects.poll(PATIENCE_S, TimeUnit.SECONDS);
            if (subject == null) throw new TimeoutException("nothing came");
            Workplace.say(subject);
            mailbox.transcript.await("\n+ ", PATIENCE_S); // it waits again
        });
        commands.put("unwatch", given -> {
            manager.stop();
            manager = null;
            mailbox.folder.close();
        });
        commands.put("transcript", given -> mailbox.transcript.lines().forEach(Workplace::say));
    }

    /** Whoever is told of new mail looks at it at once: that ends IDLE, which must begin anew. */
    private void listen() {
        subjects.clear();
        mailbox.transcript.clear();
        mailbox.folder.addMessageCountListener(new MessageCountAdapter() {
            @Override
            public void messagesAdded(MessageCountEvent event) {
                mailbox.transcript.clear();
                try {
                    String last = "";
                    for (Message message : event.getMessages()) last = message.getSubject();
                    if (manager != null) manager.watch(mailbox.folder);
                    subjects.add(last);
                } catch (MessagingException error) {
                    subjects.add(error.toString());
                }
            }
        });
    }

    private void idle() {
        try {
            while (mailbox.folder.isOpen()) mailbox.folder.idle();
        } catch (MessagingException | IllegalStateException end) {
            subjects.add(end.toString()); // the folder was closed
        }
    }
}
