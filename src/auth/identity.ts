/** Whom an access token speaks for: a signed-in person, or a machine with a role. */
export type Identity =
  | {
      readonly kind: "user";
      readonly uid: number;
      readonly sid: string;
      readonly role: "customer" | "business";
    }
  | {
      readonly kind: "app";
      readonly appid: string;
      readonly role: "service" | "operator" | "device" | "partner";
    };
