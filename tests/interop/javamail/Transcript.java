import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/** What a session's debug output says, for whoever must know where the conversation stands. */
final class Transcript extends OutputStream {
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

    @Override
    public synchronized void write(int octet) {
        said.write(octet);
        if (octet == '\n') notifyAll();
    }

    synchronized void clear() {
        said.reset();
    }

    synchronized Stream<String> lines() {
        return said.toString(UTF_8).lines();
    }

    /** Returns when `text` was said since the last clear. */
    synchronized void await(String text, int patienceS) throws InterruptedException, TimeoutException {
        long end = System.nanoTime() + patienceS * 1_000_000_000L;
        while (!said.toString(UTF_8).contains(text)) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) throw new TimeoutException("waited in vain for " + text);
            wait(left);
        }
    }
}
