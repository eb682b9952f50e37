import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.StringJoiner;
import javax.mail.MessagingException;

/**
 * A pharmacy's program in one JVM: each line of its standard input is a command with arguments, tabs between them.
 *
 * <p>The answer is any number of lines "ROW", then one "OK" or "FAILED" with the exceptions, outermost first.
 */
public final class Workplace {
    /** What a command does with its arguments. */
    interface Command {
        void run(String... given) throws Exception;
    }

    private static final PrintStream OUT = new PrintStream(System.out, true, UTF_8);

    private Workplace() {}

    public static void main(String[] arguments) throws IOException {
        var commands = new HashMap<String, Command>();
        var mailbox = new Mailbox();
        mailbox.addTo(commands);
        new Folders(mailbox).addTo(commands);
        new Arrivals(mailbox).addTo(commands);
        new Letters().addTo(commands);
        var in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split("\t", -1);
            OUT.println(outcome(commands, words));
        }
        System.exit(0); // threads that wait for mail are no reason to stay
    }

    private static String outcome(Map<String, Command> commands, String[] words) {
        try {
            commands.get(words[0]).run(Arrays.copyOfRange(words, 1, words.length));
            return "OK";
        } catch (Exception error) {
            return "FAILED\t" + chain(error);
        }
    }

    /** The exception and those it carries: JavaMail hangs one for each refused recipient onto the first. */
    private static String chain(Exception error) {
        var told = new StringJoiner(" / ");
        for (Throwable one = error; one != null; ) {
            told.add(one.toString().strip().replaceAll("\\s+", " "));
            one = one instanceof MessagingException mail ? mail.getNextException() : one.getCause();
        }
        return told.toString();
    }

    /** One line of the answer. */
    static void say(Object... values) {
        var row = new StringJoiner("\t", "ROW\t", "");
        for (Object value : values) row.add(String.valueOf(value));
        OUT.println(row);
    }

    /** "name=value" each. */
    static Properties properties(String... lines) {
        var properties = new Properties();
        for (String line : lines) {
            int equals = line.indexOf('=');
            properties.setProperty(line.substring(0, equals), line.substring(equals + 1));
        }
        return properties;
    }
}
