import { Env, RefundRequest, StandardCheckoutClient, StandardCheckoutPayRequest } from 'pg-sdk-node';
import BaseUrls from 'pg-sdk-node/dist/common/constants/BaseUrl.js';

const shown = (made) => ({ type: made.constructor.name, ...made });

/**
 * Does with PhonePe's SDK what a shop does, and yields what it got. `revokeUrl`: what to POST to between two calls; `baseUrl`: the
 * variable that has the base URL; `hasEvents`: it tells PhonePe of what it does, as is its default in production.
 */
export async function usePhonePe({ environment, clientId, clientSecret, revokeUrl, baseUrl, hasEvents = false }) {
  const base = process.env[baseUrl];
  if (base) Object.assign(BaseUrls.BaseUrl[environment], { PG_HOST_URL: base, OAUTH_HOST_URL: base });
  const said = {};
  const client = StandardCheckoutClient.getInstance(clientId, clientSecret, 1, Env[environment], hasEvents);
  const order = StandardCheckoutPayRequest.builder().merchantOrderId('order-1').amount(1000);
  said.pay = shown(await client.pay(order.redirectUrl('https://shop.example/thanks').build()));
  said.authorization = await client.tokenService.getOAuthToken();
  said.revoked = (await fetch(revokeUrl, { method: 'POST' })).status;
  said.status = shown(await client.getOrderStatus('order-1'));
  const refund = RefundRequest.builder().merchantRefundId('refund-1').originalMerchantOrderId('order-1').amount(400);
  said.refund = shown(await client.refund(refund.build()));
  said.refundStatus = shown(await client.getRefundStatus('refund-1'));
  // They go out a second after the client was made.
  if (hasEvents) await new Promise((resolve) => setTimeout(resolve, 2_000));
  return said;
}
