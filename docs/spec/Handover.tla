------------------------------ MODULE Handover ------------------------------
(***************************************************************************)
(* The hand-over of stock between the two ledgers of one lane.             *)
(*                                                                         *)
(* The gap ledger owns every unit that it has not handed over; the queue   *)
(* owns those, and nothing else.  They never ask each other: one hears     *)
(* orders, stock and `need`, the other hears `queue`, commands and timers, *)
(* each message in order and once (Engine.tla), after any delay.           *)
(*                                                                         *)
(* Which line the queue prefers is not in here: whenever it settles it may *)
(* give what is not released to any eligible lines, take it from any, and  *)
(* release at any time.  So what holds here holds for every ranking.       *)
(*                                                                         *)
(* `Without` names rules to leave out: each such set is a mutant.          *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS Lines,      \* the order lines
          Quantity,   \* how many units each of them orders
          Deliveries, \* how often stock comes
          Size,       \* how many units come at most at once
          Shipments, Cancels, Holds, Releases, Losses,   \* how often each of these happens
          Rogue,      \* whether the warehouse also ships what it was not told to
          Without     \* the rules that are left out

Rules == {"hand-over",     \* while anyone waits, nothing is free
          "owner",         \* what was handed over is not free
          "count-handed",  \* what is handed over is needed no more
          "count-return",  \* what comes back unused is needed again
          "hand-back",     \* the queue keeps no unit that no line can use
          "report",        \* it says which needs differ from the ledger's count
          "held",          \* a held line needs no more than what it has
          "whole",         \* a shipment is written off whole, although an increase of the need may be under way
          "counted",       \* a shipment says how many of its units were the queue's
          "one-writer",    \* only the queue cancels what is in the queue
          "answer",        \* what the queue cannot cancel is cancelled from cover
          "fifo",          \* messages keep their order
          "once"}          \* and come once

ASSUME Without \subseteq Rules

Quantities == [i \in Lines |-> i]   \* a configuration file can name this, not write it

Rule(name) == name \notin Without

VARIABLES gap,      \* the ledger: four numbers and its lines
          queue,    \* the queue: its idle units and its lines
          orders, stock, down, up,   \* the channels: order lines, positions, ledger to queue, queue to ledger
          world     \* outside: the shelf, what was shipped, what is wanted no more; how often things may still happen

vars == <<gap, queue, orders, stock, down, up, world>>

-----------------------------------------------------------------------------

Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b

RECURSIVE SumOver(_, _)
SumOver(f, S) == IF S = {} THEN 0 ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + SumOver(f, S \ {x})
Sum(f) == SumOver(f, Lines)

Gap0 == [entered |-> FALSE, covered |-> 0, left |-> 0, need |-> 0, counted |-> 0, cancelling |-> 0,
         cancelled |-> 0, seen |-> 0, early |-> 0]
Queue0 == [need |-> 0, allocated |-> 0, released |-> 0, shipped |-> 0, counted |-> 0, held |-> FALSE]

Init ==
    /\ gap = [H |-> 0, C |-> 0, P |-> 0, N |-> 0, line |-> [i \in Lines |-> Gap0], order |-> <<>>]
    /\ queue = [U |-> 0, line |-> [i \in Lines |-> Queue0]]
    /\ orders = <<>> /\ stock = <<>> /\ down = <<>> /\ up = <<>>
    /\ world = [shelf |-> 0, shipped |-> [i \in Lines |-> 0], wanted |-> [i \in Lines |-> 0], placed |-> {},
                deliveries |-> Deliveries, shipments |-> Shipments, cancels |-> Cancels, holds |-> Holds,
                releases |-> Releases, losses |-> Losses]

-----------------------------------------------------------------------------
(* The ledger.  A step is [g |-> the ledger, out |-> messages to the queue]. *)

Free(g) == g.H - g.C - (IF Rule("owner") THEN Max(g.P, 0) ELSE 0)

Say(step, message) == [step EXCEPT !.out = Append(@, message)]

Hand(step, units) ==
    Say([step EXCEPT !.g.P = @ + units, !.g.N = IF Rule("count-handed") THEN @ - units ELSE @],
        [type |-> "units", units |-> units])

Short(step, i, units) ==
    IF units <= 0 THEN step
    ELSE Say([step EXCEPT !.g.line[i].need = @ + units, !.g.line[i].counted = @ + units, !.g.N = @ + units],
             [type |-> "shortage", line |-> i, units |-> units])

(* Lost units are taken from the newest covered lines; each opens a back order. *)
RECURSIVE Uncover(_, _, _)
Uncover(step, lost, newest) ==
    IF lost <= 0 \/ newest = <<>> THEN step
    ELSE LET i == newest[Len(newest)]
             units == Min(lost, step.g.line[i].covered)
             less == [step EXCEPT !.g.line[i].covered = @ - units, !.g.C = @ - units]
         IN Uncover(Short(less, i, units), lost - units, SubSeq(newest, 1, Len(newest) - 1))

TakeBack(step) ==
    LET back == Min(-Free(step.g), Max(step.g.P, 0))
        first == IF back > 0 THEN Hand(step, -back) ELSE step
    IN IF Free(step.g) >= 0 THEN step ELSE Uncover(first, -Free(first.g), first.g.order)

PayDebt(step) ==
    IF step.g.P < 0 /\ step.g.N > 0 THEN Hand(step, Min(-step.g.P, step.g.N)) ELSE step

HandOver(step) ==
    IF Rule("hand-over") /\ Free(step.g) > 0 /\ step.g.N > 0 THEN Hand(step, Min(Free(step.g), step.g.N)) ELSE step

(* The sets hold one step each; a bound variable is evaluated once, an argument each time that it is named. *)
Settle(step) ==
    CHOOSE last \in {HandOver(c) : c \in {PayDebt(b) : b \in {TakeBack(a) : a \in {step}}}} : TRUE

Place(g, i) ==
    LET l == g.line[i]
        left == Min(Quantity[i], l.seen)
        cancelled == Min(l.early, Quantity[i] - left)
        wanted == Quantity[i] - left - cancelled
        cover == IF g.N <= 0 THEN Min(wanted, Max(Free(g), 0)) ELSE 0
        entered == [g EXCEPT !.line[i].entered = TRUE, !.line[i].left = left, !.line[i].cancelled = @ + cancelled,
                             !.line[i].covered = cover, !.C = @ + cover, !.order = Append(@, i)]
    IN Settle(Short([g |-> entered, out |-> <<>>], i, wanted - cover))

CancelCover(step, i, units) ==
    LET cover == Min(units, step.g.line[i].covered)
    IN [step EXCEPT !.g.line[i].covered = @ - cover, !.g.C = @ - cover, !.g.line[i].cancelled = @ + cover]

Cancel(g, i, units) ==
    LET l == g.line[i]
        asked == Min(units, Max(0, l.need - l.cancelling))
        start == [g |-> g, out |-> <<>>]
        request == IF asked = 0 THEN start
                   ELSE Say([start EXCEPT !.g.line[i].cancelling = @ + asked,
                                          !.g.line[i].counted = IF Rule("one-writer") THEN @ ELSE @ - asked,
                                          !.g.N = IF Rule("one-writer") THEN @ ELSE @ - asked],
                            [type |-> "cancel", line |-> i, units |-> asked])
    IN IF ~l.entered THEN [g |-> [g EXCEPT !.line[i].early = @ + units], out |-> <<>>]
       ELSE Settle(CancelCover(request, i, units - asked))

Ship(step, i, n) ==
    LET g == [step.g EXCEPT !.line[i].seen = @ + n]
        l == g.line[i]
        cover == Min(n, l.covered)
        units == Min(n - cover, l.need)
        counted == IF Rule("whole") THEN units ELSE Min(units, Max(l.counted, 0))
        covered == [g EXCEPT !.line[i].covered = @ - cover, !.line[i].left = @ + cover, !.C = @ - cover]
        gone == [covered EXCEPT !.line[i].need = @ - units, !.line[i].counted = @ - counted, !.P = @ - counted]
    IN IF ~l.entered THEN [step EXCEPT !.g = g]
       ELSE IF units = 0 THEN [step EXCEPT !.g = covered]
       ELSE Say([step EXCEPT !.g = gone], [type |-> "shipped", line |-> i, units |-> units, counted |-> counted])

Position(g, level, i, n) ==
    LET start == [g |-> [g EXCEPT !.H = level], out |-> <<>>]
    IN Settle(IF n > 0 THEN Ship(start, i, n) ELSE start)

Hear(g, message) ==
    LET l(i) == [g.line[i] EXCEPT
                   !.counted = @ + message.change[i],
                   !.cancelling = @ - (IF message.answer.line = i THEN message.answer.asked ELSE 0),
                   !.cancelled = @ + (IF message.answer.line = i THEN message.answer.done ELSE 0),
                   !.need = Max(0, @ - (IF message.answer.line = i THEN message.answer.done ELSE 0))]
        heard == [g EXCEPT !.line = [i \in Lines |-> l(i)],
                           !.P = @ - message.returned,
                           !.N = @ + Sum(message.change) + (IF Rule("count-return") THEN message.returned ELSE 0)]
        start == [g |-> heard, out |-> <<>>]
        over == message.answer.asked - message.answer.done
    IN Settle(IF Rule("answer") /\ message.answer.asked > 0 /\ over > 0
              THEN CancelCover(start, message.answer.line, over) ELSE start)

-----------------------------------------------------------------------------
(* The queue.  An event changes it, then it settles as some policy likes, then it reports. *)

NoAnswer == [line |-> 0, asked |-> 0, done |-> 0]

Want(l) == IF l.held THEN IF Rule("held") THEN l.allocated + l.released ELSE l.need ELSE l.need

(* All ways to hand out what is not released: no unit stays idle that an eligible line could have. *)
Settled(q) ==
    LET pool == q.U + Sum([i \in Lines |-> q.line[i].allocated])
        room == [i \in Lines |-> IF q.line[i].held THEN 0 ELSE q.line[i].need - q.line[i].released]
        used == Min(Max(pool, 0), Sum(room))
        top == Max(0, used)
        choices == {a \in [Lines -> 0..top] : (\A i \in Lines : a[i] <= room[i]) /\ Sum(a) = used}
    IN {[U |-> pool - used, line |-> [i \in Lines |-> [q.line[i] EXCEPT !.allocated = a[i]]]] : a \in choices}

Report(q, answer) ==
    LET change == [i \in Lines |-> IF Rule("report") THEN Want(q.line[i]) - q.line[i].counted ELSE 0]
        returned == IF Rule("hand-back") THEN Max(q.U, 0) ELSE 0
        told == [U |-> q.U - returned,
                 line |-> [i \in Lines |-> [q.line[i] EXCEPT !.counted = @ + change[i]]]]
        silent == returned = 0 /\ answer = NoAnswer /\ \A i \in Lines : change[i] = 0
        message == [change |-> change, returned |-> returned, answer |-> answer]
    IN [q |-> told, out |-> IF silent THEN <<>> ELSE <<message>>]

Shortage(q, i, units) == [q EXCEPT !.line[i].need = @ + units, !.line[i].counted = @ + units]

Shipped(q, i, units, counted) ==
    LET l == q.line[i]
        n == Min(units, l.need)
        released == Min(n, l.released)
        allocated == Min(n - released, l.allocated)
    IN [q EXCEPT !.line[i] = [l EXCEPT !.need = @ - n, !.released = @ - released, !.allocated = @ - allocated,
                                       !.shipped = @ + n, !.counted = @ - counted],
                 !.U = @ + released + allocated - (IF Rule("counted") THEN counted ELSE released + allocated)]

(* Waiting units first, then those set aside. *)
Give(q, i, units) ==
    LET l == q.line[i]
        waiting == l.need - l.allocated - l.released
        allocated == units - Min(units, waiting)
    IN [q EXCEPT !.line[i].need = @ - units, !.line[i].allocated = @ - allocated, !.U = @ + allocated]

(* What the queue may be after an event, and what it answers. *)
Heard(q, m) ==
    CASE m.type = "units" -> <<[q EXCEPT !.U = @ + m.units], NoAnswer>>
      [] m.type = "shortage" -> <<Shortage(q, m.line, m.units), NoAnswer>>
      [] m.type = "shipped" -> <<Shipped(q, m.line, m.units, m.counted), NoAnswer>>
      [] m.type = "cancel" ->
            LET done == Min(m.units, q.line[m.line].need - q.line[m.line].released)
            IN <<Give(q, m.line, done), [line |-> m.line, asked |-> m.units, done |-> done]>>

React(changed, answered) ==
    \E q \in {changed} : \E answer \in {answered} :
        \E settled \in Settled(q) : \E step \in {Report(settled, answer)} :
            queue' = step.q /\ up' = up \o step.out

-----------------------------------------------------------------------------
(* What happens outside. *)

Order(i) ==
    /\ i \notin world.placed
    /\ world' = [world EXCEPT !.placed = @ \cup {i}]
    /\ orders' = Append(orders, [type |-> "line", line |-> i, units |-> Quantity[i]])
    /\ UNCHANGED <<gap, queue, stock, down, up>>

Moved(level, i, n) == Append(stock, [level |-> level, line |-> i, units |-> n])

Deliver ==
    /\ world.deliveries > 0
    /\ \E n \in 1..Size :
         /\ world' = [world EXCEPT !.deliveries = @ - 1, !.shelf = @ + n]
         /\ stock' = Moved(world.shelf + n, 0, 0)
    /\ UNCHANGED <<gap, queue, orders, down, up>>

Lose ==
    /\ world.losses > 0
    /\ \E n \in 1..world.shelf :
         /\ world' = [world EXCEPT !.losses = @ - 1, !.shelf = @ - n]
         /\ stock' = Moved(world.shelf - n, 0, 0)
    /\ UNCHANGED <<gap, queue, orders, down, up>>

Cancelling(i) == \E k \in DOMAIN orders : orders[k].type = "cancel" /\ orders[k].line = i

(* An honest warehouse ships what it was told to ship, and not while that is being cancelled. *)
Shippable(i) ==
    IF Rogue THEN Min(world.shelf, Quantity[i])
    ELSE IF gap.line[i].cancelling > 0 \/ Cancelling(i) THEN 0
    ELSE LET told == gap.line[i].covered + gap.line[i].left + queue.line[i].released + queue.line[i].shipped
         IN Min(told - world.shipped[i], world.shelf)

Leave(i) ==
    /\ world.shipments > 0
    /\ \E n \in 1..Shippable(i) :
         /\ world' = [world EXCEPT !.shipments = @ - 1, !.shelf = @ - n, !.shipped[i] = @ + n]
         /\ stock' = Moved(world.shelf - n, i, n)
    /\ UNCHANGED <<gap, queue, orders, down, up>>

(* An order is cancelled in full or in part, perhaps before it comes; not while a shipment of it is unheard of. *)
CancelOrder(i) ==
    /\ world.cancels > 0
    /\ Rogue \/ gap.line[i].seen = world.shipped[i]
    /\ \E n \in 1..Quantity[i] :
         /\ orders' = Append(orders, [type |-> "cancel", line |-> i, units |-> n])
         /\ world' = [world EXCEPT !.cancels = @ - 1, !.wanted[i] = @ + n]
    /\ UNCHANGED <<gap, queue, stock, down, up>>

(* A command cancels as well: the ledger is told, although it did not ask. *)
CancelByCommand(i) ==
    /\ world.cancels > 0
    /\ \E n \in 1..(queue.line[i].need - queue.line[i].released) :
         /\ React(Give(queue, i, n), [line |-> i, asked |-> 0, done |-> n])
         /\ world' = [world EXCEPT !.cancels = @ - 1, !.wanted[i] = @ + n]
    /\ UNCHANGED <<gap, orders, stock, down>>

Hold(i) ==
    /\ world.holds > 0
    /\ ~queue.line[i].held /\ queue.line[i].need > queue.line[i].released
    /\ React([queue EXCEPT !.line[i].held = TRUE, !.line[i].allocated = 0, !.U = @ + queue.line[i].allocated],
             NoAnswer)
    /\ world' = [world EXCEPT !.holds = @ - 1]
    /\ UNCHANGED <<gap, orders, stock, down>>

Resume(i) ==
    /\ queue.line[i].held
    /\ React([queue EXCEPT !.line[i].held = FALSE], NoAnswer)
    /\ UNCHANGED <<gap, orders, stock, down, world>>

Release(i) ==
    /\ world.releases > 0
    /\ queue.line[i].allocated > 0
    /\ React([queue EXCEPT !.line[i].released = @ + queue.line[i].allocated, !.line[i].allocated = 0], NoAnswer)
    /\ world' = [world EXCEPT !.releases = @ - 1]
    /\ UNCHANGED <<gap, orders, stock, down>>

-----------------------------------------------------------------------------
(* What arrives. *)

Less(s, k) == SubSeq(s, 1, k - 1) \o SubSeq(s, k + 1, Len(s))

Tell(decided) == \E step \in {decided} : gap' = step.g /\ down' = down \o step.out

TakeOrder ==
    /\ orders # <<>>
    /\ LET m == Head(orders)
       IN Tell(IF m.type = "line" THEN Place(gap, m.line) ELSE Cancel(gap, m.line, m.units))
    /\ orders' = Tail(orders)
    /\ UNCHANGED <<queue, stock, up, world>>

TakeStock ==
    /\ stock # <<>>
    /\ LET m == Head(stock) IN Tell(Position(gap, m.level, m.line, m.units))
    /\ stock' = Tail(stock)
    /\ UNCHANGED <<queue, orders, up, world>>

TakeNeed ==
    /\ up # <<>>
    /\ Tell(Hear(gap, Head(up)))
    /\ up' = Tail(up)
    /\ UNCHANGED <<queue, orders, stock, world>>

TakeQueue ==
    /\ down # <<>>
    /\ \E k \in IF Rule("fifo") THEN {1} ELSE DOMAIN down :
         LET heard == Heard(queue, down[k])
         IN /\ React(heard[1], heard[2])
            /\ down' \in {Less(down, k)} \cup (IF Rule("once") THEN {} ELSE {down})
    /\ UNCHANGED <<gap, orders, stock, world>>

-----------------------------------------------------------------------------

Arrivals == TakeOrder \/ TakeStock \/ TakeNeed \/ TakeQueue

Outside ==
    \/ Deliver \/ Lose
    \/ \E i \in Lines : Order(i) \/ Leave(i) \/ CancelOrder(i) \/ CancelByCommand(i)
                        \/ Hold(i) \/ Resume(i) \/ Release(i)

Next == Arrivals \/ Outside

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ WF_vars(Arrivals)

-----------------------------------------------------------------------------
(* After every message. *)

Debt == Max(0, -queue.U)
Unowned == gap.H - gap.C - Max(gap.P, 0)
Allocated == Sum([i \in Lines |-> queue.line[i].allocated])
Held == Allocated + Sum([i \in Lines |-> queue.line[i].released])

WorkConserving == ~(Unowned > 0 /\ gap.N > 0)

NothingOwnedTwice == Unowned >= 0

CoverOnHand == gap.C <= gap.H /\ gap.C = Sum([i \in Lines |-> gap.line[i].covered])

QueueSound ==
    \A i \in Lines : LET l == queue.line[i]
                     IN l.allocated >= 0 /\ l.released >= 0 /\ l.allocated + l.released <= l.need
                        /\ (l.held => l.allocated = 0)

Honest == Losses = 0 /\ ~Rogue

(* Without losses nobody owes a unit, not even for a moment. *)
NoDebt == Honest => queue.U >= 0 /\ gap.P >= 0 /\ gap.H - gap.C - gap.P >= 0

NothingIdle == queue.U <= 0

-----------------------------------------------------------------------------
(* When nothing is under way. *)

AtRest == orders = <<>> /\ stock = <<>> /\ down = <<>> /\ up = <<>>

RestAgreed ==
    AtRest =>
        /\ gap.H = world.shelf
        /\ gap.P = queue.U + Held
        /\ gap.N + gap.P = Sum([i \in Lines |-> gap.line[i].counted])
        /\ \A i \in Lines :
             /\ gap.line[i].counted = queue.line[i].counted
             /\ gap.line[i].need = queue.line[i].need
             /\ gap.line[i].cancelling = 0
             /\ queue.line[i].counted = Want(queue.line[i])

RestNothingIdle ==
    AtRest /\ (\E i \in Lines : LET l == queue.line[i] IN ~l.held /\ l.need > l.allocated + l.released)
        => queue.U <= 0 /\ Unowned = 0

RestNotOversold == AtRest => Debt > 0 \/ gap.C + Held <= gap.H

(* Every unit that was ordered is in one place. *)
RestConserved ==
    AtRest =>
        \A i \in Lines :
            LET l == gap.line[i]
                q == queue.line[i]
            IN /\ l.entered => Quantity[i] = l.covered + l.left + q.need + q.shipped + l.cancelled
               /\ l.seen = world.shipped[i]
               /\ l.left + q.shipped <= world.shipped[i]
               /\ Honest /\ l.entered => l.left + q.shipped = world.shipped[i]

(* Who wanted units no more has them, unless they are with the warehouse already. *)
RestCancelled ==
    AtRest =>
        \A i \in Lines :
            gap.line[i].entered /\ gap.line[i].cancelled < world.wanted[i] =>
                gap.line[i].covered = 0 /\ (Honest => queue.line[i].need = queue.line[i].released)

(* The ledgers stop talking when nothing happens outside. *)
ComesToRest == []<>AtRest
=============================================================================
