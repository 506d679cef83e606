import { createCallbackExchange, noPost, type CallbackDeps } from './callback.ts';
import { createListener, type Listener, type ListenerOptions } from './listener.ts';

/** What the listener of callbacks works with. */
export type CallbackListenerOptions = CallbackDeps & Pick<ListenerOptions, 'address' | 'limits' | 'scheduler' | 'tls'>;

/** Makes the listener of callbacks. Nothing but callbacks is served there. */
export function createCallbackListener(options: CallbackListenerOptions): Listener {
  const { address, limits, scheduler, tls, clock, events, nextRequestId } = options;
  const listener = createListener({
    address,
    limits,
    scheduler,
    tls,
    clock,
    events,
    nextRequestId,
    handle: createCallbackExchange(options),
    connect: ({ socket }) => listener.refuseTunnel(socket, noPost(), nextRequestId()),
  });
  return listener;
}
