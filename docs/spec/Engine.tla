------------------------------- MODULE Engine -------------------------------
(***************************************************************************)
(* One shard of a lane service, from its input log to what readers see:    *)
(* claim, poll, commit, relay, dedupe.  Several processes may hold the     *)
(* shard to be theirs at once; none of them is told when it is wrong.      *)
(*                                                                         *)
(* The input log holds 1..Inputs.  Each input has one effect on the state, *)
(* one public event (the cause) and one internal event, to which a second  *)
(* service reacts with a public event of its own (the effect).  Input 1    *)
(* also sets a timer, which rings once, and then changes the state only.   *)
(*                                                                         *)
(* `Without` names rules to leave out: each such set is a mutant.          *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets, TLC

CONSTANTS Workers,    \* the processes of the service
          Inputs,     \* how many records the input log holds
          MaxBatch,   \* how many records a batch has at most
          MaxFaults,  \* how often something goes wrong
          Without     \* the rules that are left out

Rules == {"epoch", "offset", "number",        \* the three comparisons of a batch's transaction
          "database-offsets",                 \* the offsets are stored in that transaction, not in Kafka
          "outbox",                           \* so is what the batch publishes
          "timer-kept", "timer-gone",         \* a timer is taken in it: not before, not after
          "forget",                           \* a batch that did not commit takes the cached state with it
          "pause", "seek",                    \* nothing is read before the claim; then from the stored offset
          "relay-order", "relay-table",       \* events are sent in sequence; after a claim, those of the table first
          "confirmation",                     \* an event counts as sent when the broker confirmed it
          "public-first",                     \* internal events wait for the public ones
          "dedupe"}                           \* readers drop what they have seen, by its sequence

ASSUME Without \subseteq Rules

Rule(name) == name \notin Without

VARIABLES db,       \* the service's database: the rows of this shard
          mem,      \* what each process has in memory
          flight,   \* what each process has handed to its producer and the broker has not appended yet
          log,      \* the output topics: partition of the public and of the internal one
          mark,     \* the second service: the highest sequence that it has heard
          kafka,    \* the group's committed offset: only read when "database-offsets" is left out
          faults    \* how many things went wrong so far

vars == <<db, mem, flight, log, mark, kafka, faults>>

-----------------------------------------------------------------------------

Ring == 0                                      \* the timer's effect, among the inputs' numbers
Ledger == 1                                    \* the two writers of the public topic
Queue == 2
Topics == {"public", "internal"}

Range(s) == {s[i] : i \in DOMAIN s}
Max(a, b) == IF a > b THEN a ELSE b
Min(a, b) == IF a < b THEN a ELSE b
Occurrences(x, s) == Cardinality({i \in DOMAIN s : s[i] = x})

(* An outbox row holds the events of one batch: input ids[k] has the public event `first + 2(k-1)` and *)
(* after it the internal one.                                                                          *)
LastOf(row) == row.first + 2 * Len(row.ids) - 1

EventsOf(row, topic) ==
    LET at(k) == row.first + 2 * (k - 1) + (IF topic = "public" THEN 0 ELSE 1)
    IN [k \in 1..Len(row.ids) |-> [by |-> Ledger, sequence |-> at(k), id |-> row.ids[k]]]

RECURSIVE EventsOfAll(_, _)
EventsOfAll(rows, topic) ==
    IF rows = <<>> THEN <<>> ELSE EventsOf(Head(rows), topic) \o EventsOfAll(Tail(rows), topic)

Unsent(rows, sent) == SelectSeq(rows, LAMBDA row : row.first > sent)

-----------------------------------------------------------------------------

NoCache == <<Ring>>   \* no state begins with a ring: input 1 comes first

(* "away": not claimed.  "claimed": the claim's transaction is done, the outbox not read.  "running". *)
Away == [status |-> "away", epoch |-> 0, place |-> 1, next |-> 1, cache |-> NoCache, position |-> 1, early |-> <<>>,
         waiting |-> <<>>, group |-> 0, phase |-> "idle", sent |-> 0, timer |-> FALSE]

Init ==
    /\ db = [epoch |-> 0, offset |-> 1, next |-> 1, sent |-> 0, outbox |-> <<>>, state |-> <<>>, timer |-> FALSE]
    /\ mem = [w \in Workers |-> Away]
    /\ flight = [w \in Workers |-> [t \in Topics |-> <<>>]]
    /\ log = [t \in Topics |-> <<>>]
    /\ mark = 0
    /\ kafka = 1
    /\ faults = 0

Owns(w) == mem[w].status # "away" /\ mem[w].epoch = db.epoch

(* What a process forgets when it drops the shard; its producer goes on. *)
Dropped(w, cache) ==
    [Away EXCEPT !.cache = IF Rule("forget") THEN NoCache ELSE cache,
                 !.position = mem[w].position]

-----------------------------------------------------------------------------
(* Claiming.  Whoever is assigned the shard claims it; a second one may do so while the first still runs. *)

Claim(w) ==
    /\ mem[w].status = "away"
    /\ IF \E v \in Workers : Owns(v)
       THEN faults < MaxFaults /\ faults' = faults + 1      \* a rebalance, true or imagined
       ELSE UNCHANGED faults
    /\ db' = [db EXCEPT !.epoch = @ + 1]
    /\ mem' = [mem EXCEPT ![w].status = "claimed", ![w].epoch = db.epoch + 1,
                          ![w].place = IF Rule("database-offsets") THEN db.offset ELSE kafka,
                          ![w].next = db.next, ![w].sent = db.sent]
    /\ UNCHANGED <<flight, log, mark, kafka>>

Start(w) ==
    /\ mem[w].status = "claimed"
    /\ mem' = [mem EXCEPT ![w].status = "running",
                          ![w].waiting = IF Rule("relay-table") THEN Unsent(db.outbox, mem[w].sent) ELSE <<>>,
                          ![w].position = IF Rule("seek") THEN mem[w].place ELSE @]
    /\ UNCHANGED <<db, flight, log, mark, kafka, faults>>

-----------------------------------------------------------------------------
(* Reading, and the transaction of a batch. *)

Batches(position) ==
    {[k \in 1..n |-> position + k - 1] : n \in 0..Min(MaxBatch, Inputs + 1 - position)}

(* What a turn of the loop works on: what it has just polled, maybe nothing.  To poll is no step of its own,  *)
(* since what was polled is forgotten with the shard.                                                          *)
Polled(w) == IF mem[w].early = <<>> THEN Batches(mem[w].position) ELSE {mem[w].early}

(* Without the pause the client fetches before the claim, from where it would begin by itself. *)
PollEarly(w) ==
    /\ ~Rule("pause")
    /\ mem[w].status = "away"
    /\ mem[w].early = <<>>
    /\ \E batch \in Batches(1) : mem' = [mem EXCEPT ![w].early = batch]
    /\ UNCHANGED <<db, flight, log, mark, kafka, faults>>

(* What the fence compares; a batch that `moves` has records, and publishes. *)
Passes(w, moves) ==
    /\ Rule("epoch") => db.epoch = mem[w].epoch
    /\ Rule("offset") /\ Rule("database-offsets") /\ moves => db.offset = mem[w].place
    /\ Rule("number") /\ moves => db.next = mem[w].next

(* Whether the due timer comes with this batch, from the table or, wrongly, from memory. *)
Due(w) == IF Rule("timer-kept") THEN db.timer ELSE mem[w].timer

State(w) == IF mem[w].cache = NoCache THEN db.state ELSE mem[w].cache

Decided(w, ids, rings) == State(w) \o ids \o (IF rings THEN <<Ring>> ELSE <<>>)

(* A batch has records, or the due timer, or both. *)
Turn(w, ids, rings) ==
    /\ mem[w].status = "running"
    /\ rings => Due(w)
    /\ ids # <<>> \/ rings

Position(w, ids) == mem[w].position + (IF mem[w].early = <<>> THEN Len(ids) ELSE 0)

Commit(w) ==
    \E ids \in Polled(w) : \E rings \in BOOLEAN :
        LET moves == ids # <<>>
            reached == IF moves THEN ids[Len(ids)] + 1 ELSE mem[w].place
            rows == IF moves THEN <<[first |-> mem[w].next, ids |-> ids]>> ELSE <<>>
            next == mem[w].next + 2 * Len(ids)
            sent == Max(db.sent, mem[w].sent)
            state == Decided(w, ids, rings)
        IN /\ Turn(w, ids, rings)
           /\ Passes(w, moves)
           /\ db' = [db EXCEPT !.offset = IF moves THEN reached ELSE @,
                               !.next = IF moves THEN next ELSE @,
                               !.sent = sent,
                               !.outbox = Unsent(@, sent) \o (IF Rule("outbox") THEN rows ELSE <<>>),
                               !.state = state,
                               !.timer = 1 \in Range(ids) \/ (@ /\ ~(rings /\ Rule("timer-gone")))]
           /\ mem' = [mem EXCEPT ![w].place = reached, ![w].next = next, ![w].cache = state,
                                 ![w].position = Position(w, ids), ![w].early = <<>>,
                                 ![w].waiting = @ \o rows,
                                 ![w].timer = rings /\ ~Rule("timer-gone")]
           /\ UNCHANGED <<flight, log, mark, kafka, faults>>

(* The comparison fails: nothing is stored, the shard is dropped.  Nothing was decided yet. *)
Fenced(w) ==
    \E ids \in Polled(w) : \E rings \in BOOLEAN :
        /\ Turn(w, ids, rings)
        /\ ~Passes(w, ids # <<>>)
        /\ mem' = [mem EXCEPT ![w] = Dropped(w, mem[w].cache)]
        /\ UNCHANGED <<db, flight, log, mark, kafka, faults>>

(* The database fails after the decisions were written into the cached state. *)
RollBack(w) ==
    \E ids \in Polled(w) : \E rings \in BOOLEAN :
        /\ faults < MaxFaults
        /\ Turn(w, ids, rings)
        /\ Passes(w, ids # <<>>)
        /\ mem' = [mem EXCEPT ![w] = [Dropped(w, Decided(w, ids, rings)) EXCEPT !.position = Position(w, ids)]]
        /\ faults' = faults + 1
        /\ UNCHANGED <<db, flight, log, mark, kafka>>

(* A transaction without inputs writes down what the broker has confirmed, and sweeps the table. *)
Note(w) ==
    /\ mem[w].status = "running"
    /\ mem[w].sent > db.sent
    /\ Rule("epoch") => db.epoch = mem[w].epoch
    /\ db' = [db EXCEPT !.sent = mem[w].sent, !.outbox = Unsent(@, mem[w].sent)]
    /\ UNCHANGED <<mem, flight, log, mark, kafka, faults>>

(* Steps that only mutants have: a timer taken before, or put away after, the transaction; an offset that *)
(* is stored in Kafka afterwards, by whoever thinks that the shard is his.                                 *)
TakeTimerBefore(w) ==
    /\ ~Rule("timer-kept")
    /\ mem[w].status = "running" /\ db.timer
    /\ db' = [db EXCEPT !.timer = FALSE]
    /\ mem' = [mem EXCEPT ![w].timer = TRUE]
    /\ UNCHANGED <<flight, log, mark, kafka, faults>>

PutTimerAwayAfter(w) ==
    /\ ~Rule("timer-gone")
    /\ mem[w].status = "running" /\ mem[w].timer
    /\ db' = [db EXCEPT !.timer = FALSE]
    /\ mem' = [mem EXCEPT ![w].timer = FALSE]
    /\ UNCHANGED <<flight, log, mark, kafka, faults>>

StoreOffsetInKafka(w) ==
    /\ ~Rule("database-offsets")
    /\ mem[w].status = "running" /\ kafka # mem[w].place
    /\ kafka' = mem[w].place
    /\ UNCHANGED <<db, mem, flight, log, mark, faults>>

-----------------------------------------------------------------------------
(* The relay: groups of committed batches, public events first. *)

Front(rows, k) == <<rows[k]>> \o [i \in 1..Len(rows) - 1 |-> IF i < k THEN rows[i] ELSE rows[i + 1]]

SendPublic(w) ==
    /\ mem[w].status = "running" /\ mem[w].phase = "idle" /\ mem[w].waiting # <<>>
    /\ \E rows \in IF Rule("relay-order") THEN {mem[w].waiting}
                   ELSE {Front(mem[w].waiting, k) : k \in DOMAIN mem[w].waiting} :
         LET size == IF Rule("relay-order") THEN Len(rows) ELSE 1
             group == SubSeq(rows, 1, size)
         IN /\ mem' = [mem EXCEPT ![w].waiting = rows, ![w].group = size, ![w].phase = "public"]
            /\ flight' = [flight EXCEPT
                  ![w]["public"] = @ \o EventsOfAll(group, "public"),
                  ![w]["internal"] = IF Rule("public-first") THEN @ ELSE @ \o EventsOfAll(group, "internal")]
    /\ UNCHANGED <<db, log, mark, kafka, faults>>

Confirmed(w, topic) == Rule("confirmation") => flight[w][topic] = <<>>

SendInternal(w) ==
    /\ mem[w].status = "running" /\ mem[w].phase = "public" /\ Confirmed(w, "public")
    /\ mem' = [mem EXCEPT ![w].phase = "internal"]
    /\ flight' = IF Rule("public-first")
                 THEN [flight EXCEPT ![w]["internal"] =
                         @ \o EventsOfAll(SubSeq(mem[w].waiting, 1, mem[w].group), "internal")]
                 ELSE flight
    /\ UNCHANGED <<db, log, mark, kafka, faults>>

Sent(w) ==
    /\ mem[w].status = "running" /\ mem[w].phase = "internal" /\ Confirmed(w, "internal")
    /\ mem' = [mem EXCEPT ![w].phase = "idle", ![w].group = 0,
                          ![w].sent = LastOf(mem[w].waiting[mem[w].group]),
                          ![w].waiting = SubSeq(@, mem[w].group + 1, Len(@))]
    /\ UNCHANGED <<db, flight, log, mark, kafka, faults>>

(* The second service hears the internal topic and publishes at once: nobody could be faster, and later only *)
(* more causes are there.  It remembers the highest sequence that it has heard.                                *)
Reaction(event) ==
    IF event.sequence > mark \/ ~Rule("dedupe") THEN <<[by |-> Queue, sequence |-> 0, id |-> event.id]>> ELSE <<>>

(* The broker appends in the order of each producer and topic, whether or not its process still owns the shard. *)
Arrive(w, topic) ==
    /\ flight[w][topic] # <<>>
    /\ LET event == Head(flight[w][topic])
       IN IF topic = "public"
          THEN log' = [log EXCEPT !["public"] = Append(@, event)] /\ UNCHANGED mark
          ELSE /\ log' = [log EXCEPT !["internal"] = Append(@, event), !["public"] = @ \o Reaction(event)]
               /\ mark' = Max(mark, event.sequence)
    /\ flight' = [flight EXCEPT ![w][topic] = Tail(@)]
    /\ UNCHANGED <<db, mem, kafka, faults>>

-----------------------------------------------------------------------------
(* Faults.  What a dead process has handed to its producer may still arrive, or be lost. *)

Crash(w) ==
    /\ faults < MaxFaults
    /\ mem[w].status # "away"
    /\ mem' = [mem EXCEPT ![w] = Away]
    /\ \E arrives \in BOOLEAN : flight' = IF arrives THEN flight ELSE [flight EXCEPT ![w] = [t \in Topics |-> <<>>]]
    /\ faults' = faults + 1
    /\ UNCHANGED <<db, log, mark, kafka>>

(* Revoked, the relay failed, or the reply to COMMIT was lost: the process lives and its producer goes on. *)
Drop(w) ==
    /\ faults < MaxFaults
    /\ mem[w].status # "away"
    /\ mem' = [mem EXCEPT ![w] = Dropped(w, mem[w].cache)]
    /\ faults' = faults + 1
    /\ UNCHANGED <<db, flight, log, mark, kafka>>

-----------------------------------------------------------------------------

Work(w) ==
    \/ Claim(w) \/ Start(w) \/ PollEarly(w) \/ Commit(w) \/ Fenced(w) \/ Note(w)
    \/ TakeTimerBefore(w) \/ PutTimerAwayAfter(w) \/ StoreOffsetInKafka(w)
    \/ SendPublic(w) \/ SendInternal(w) \/ Sent(w)
    \/ \E topic \in Topics : Arrive(w, topic)

Fault(w) == RollBack(w) \/ Crash(w) \/ Drop(w)

Next == \E w \in Workers : Work(w) \/ Fault(w)

(* Somebody goes on as long as anybody can; nothing need go wrong. *)
Fairness == WF_vars(\E w \in Workers : Work(w))

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ Fairness

Symmetry == Permutations(Workers)

-----------------------------------------------------------------------------
(* Invariants. *)

Processed == SelectSeq(db.state, LAMBDA x : x # Ring)

Told(topic) == SelectSeq(log[topic], LAMBDA event : event.by = Ledger)

First(topic) == IF topic = "public" THEN 1 ELSE 2

(* Every input has one effect, in the order of the log, and the stored offset tells how many had theirs. *)
EachInputOnce ==
    /\ Processed = [i \in 1..Len(Processed) |-> i]
    /\ Rule("database-offsets") => db.offset = Len(Processed) + 1

(* A timer that was set rings once; until then its row is there. *)
TimerOnce ==
    /\ Occurrences(Ring, db.state) <= 1
    /\ (1 \in Range(db.state)) => (db.timer \/ Ring \in Range(db.state))

(* The numbers of the outbox have no gap, and none is given twice. *)
NumbersDense == db.next = 2 * Len(Processed) + 1

(* What is decided is in the table or in the log: no crash can lose it. *)
NothingForgotten ==
    \A published \in {UNION {{event.sequence : event \in Range(Told(topic))} : topic \in Topics}} :
        \A s \in 1..db.next - 1 :
            s \in published \/ \E row \in Range(db.outbox) : row.first <= s /\ s <= LastOf(row)

(* Readers that drop what they have seen get each event once, in sequence, without a gap. *)
FirstOccurrencesInOrder ==
    \A topic \in Topics : \A told \in {Told(topic)} : \A k \in DOMAIN told :
        \/ told[k].sequence = First(topic)
        \/ \E j \in 1..k - 1 : told[j].sequence = told[k].sequence - 2

(* A repeated event is the same event, and what is published was committed. *)
RepeatsIdentical ==
    \A topic \in Topics : \A event \in Range(Told(topic)) :
        event.sequence < db.next /\ event.id = (event.sequence + 1) \div 2

(* Nobody sees what an event led to before the event. *)
CauseBeforeEffect ==
    \A k \in DOMAIN log["public"] :
        log["public"][k].by = Queue =>
            \E j \in 1..k - 1 : log["public"][j].by = Ledger /\ log["public"][j].id = log["public"][k].id

(* The second service reacts once to each event, in order. *)
EachReactionOnce ==
    LET reactions == SelectSeq(log["public"], LAMBDA event : event.by = Queue)
    IN \A k \in DOMAIN reactions : reactions[k].id = k

-----------------------------------------------------------------------------
(* In the end everything is processed, published and reacted to, and the table is swept. *)

Done ==
    /\ Processed = [i \in 1..Inputs |-> i]
    /\ Ring \in Range(db.state)
    /\ db.outbox = <<>>
    /\ \A topic \in Topics : {e.sequence : e \in Range(Told(topic))} = {First(topic) + 2 * (i - 1) : i \in 1..Inputs}
    /\ {e.id : e \in {x \in Range(log["public"]) : x.by = Queue}} = 1..Inputs

EventuallyDone == <>[]Done
=============================================================================
